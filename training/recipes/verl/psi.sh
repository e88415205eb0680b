#!/usr/bin/env bash
# PSI with verl 0.9.1 on several GPUs, all weights. usage: psi.sh MODEL psi.parquet RUN [verl overrides]
# psi.parquet: pgenrm training-data DATA --stage psi --format verl --out psi.parquet
set -euo pipefail
model=$1 data=$2 run=$3
torchrun --standalone --nproc_per_node="${GPUS:-8}" -m verl.trainer.sft_trainer \
  model.path="$model" \
  data.train_files="$data" data.messages_key=messages data.max_length=6144 data.max_token_len_per_gpu=12288 \
  data.train_batch_size=64 data.micro_batch_size_per_gpu=1 \
  engine.strategy=fsdp2 \
  optim.lr=1e-5 optim.lr_warmup_steps_ratio=0.03 optim.lr_scheduler_type=cosine optim.min_lr_ratio=0.1 optim.weight_decay=0.0 \
  trainer.total_epochs=2 trainer.save_freq=100 trainer.logger='[console]' trainer.n_gpus_per_node="${GPUS:-8}" \
  trainer.project_name=pgenrm trainer.experiment_name=psi trainer.default_local_dir="$run" "${@:4}"
