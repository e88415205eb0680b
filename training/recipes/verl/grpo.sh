#!/usr/bin/env bash
# CRE and the curriculum with verl 0.9.1 on several GPUs, all weights. usage: grpo.sh cre|curriculum MODEL FILE.parquet RUN [verl overrides]
# FILE.parquet: pgenrm training-data DATA --stage cre|curriculum --format verl --out FILE.parquet
# cre needs a process judge: PGENRM_JUDGE_URL and PGENRM_JUDGE_MODEL.
set -euo pipefail
stage=$1 model=$2 data=$3 run=$4
case $stage in
  cre) shuffle=True ;;
  curriculum) shuffle=False ;; # hard rows grow more with each step
  *) echo "grpo.sh: expected cre or curriculum, got $stage" >&2; exit 2 ;;
esac
rewards=$(python -c 'import pgenrm_rewards.trainers as found; print(found.__file__)')
python -m verl.trainer.main_ppo \
  algorithm.adv_estimator=grpo algorithm.use_kl_in_reward=False \
  data.train_files="$data" data.val_files="$data" data.val_max_samples=64 data.shuffle="$shuffle" \
  data.max_prompt_length=3072 data.max_response_length=3072 data.filter_overlong_prompts=True data.train_batch_size=128 \
  actor_rollout_ref.model.path="$model" \
  actor_rollout_ref.actor.strategy=fsdp2 actor_rollout_ref.actor.optim.lr=1e-6 \
  actor_rollout_ref.actor.use_kl_loss=True actor_rollout_ref.actor.kl_loss_coef=0.001 \
  actor_rollout_ref.actor.ppo_mini_batch_size=64 actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.n=8 actor_rollout_ref.rollout.temperature=1.0 \
  actor_rollout_ref.rollout.tensor_model_parallel_size=1 actor_rollout_ref.rollout.gpu_memory_utilization=0.5 \
  reward.custom_reward_function.path="$rewards" reward.custom_reward_function.name=compute_score \
  trainer.total_epochs=1 trainer.val_before_train=False trainer.save_freq=50 trainer.logger='[console]' \
  trainer.n_gpus_per_node="${GPUS:-8}" trainer.project_name=pgenrm trainer.experiment_name="$stage" \
  trainer.default_local_dir="$run" "${@:5}"
