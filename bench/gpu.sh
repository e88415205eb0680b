#!/usr/bin/env bash
# The GPU's part of the benchmarks in one go, on a bare CUDA machine: no network, no Node, nothing installed.
#   bench/gpu.sh pack FOLDER   on a machine that has the project built: makes the folder to carry over
#   bench/gpu.sh [run]         in that folder: measures, and leaves everything in results/
# By environment: GPU (cuda; off for the CPU), MODEL (a GGUF; default random weights in the 8B shape, written here),
# ROWS ("24 64 128 192 255" chains at once: llama.cpp has 256 sequences, of which every prompt takes one), LEVELS, PARTS ("generation scaling"), ROUNDS, MAX_TOKENS, QUICK=1, OUT.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
node=$root/bin/node
[ -x "$node" ] || node=$(command -v node) || { echo "there is neither $root/bin/node nor a node on the PATH" >&2; exit 1; }

if [ "${1:-run}" = pack ]; then
  shift
  exec "$node" "$root/scripts/pack-gpu-bench.mjs" "$@"
fi
[ "${1:-run}" = run ] || { echo "usage: bench/gpu.sh [run | pack FOLDER]" >&2; exit 2; }

cd "$root" || exit 1
gpu=${GPU:-cuda}
out=${OUT:-$root/results}
max_tokens=${MAX_TOKENS:-512}
export PGENRM_BENCH_CACHE=${PGENRM_BENCH_CACHE:-$root/cache} PGENRM_CACHE=${PGENRM_CACHE:-$root/cache}
mkdir -p "$out" "$PGENRM_BENCH_CACHE" || exit 1
quick=()
[ "${QUICK:-}" = 1 ] && quick=(--quick)
failed=()

if [ "$gpu" != off ] && command -v nvidia-smi >/dev/null; then
  nvidia-smi >"$out/nvidia-smi.txt" 2>&1
fi

if [ -n "${MODEL:-}" ]; then
  model=$MODEL
  note=()
else
  model=$("$node" bench/models/write-8b.mjs) || { echo "the random model could not be written" >&2; exit 1; }
  text="random weights in the 8B shape (Llama 3, Q8_0): times are those of such a model, chains mean nothing and are lost"
  note=(--model-note "$text")
  echo "! $text"
fi
"$node" dist/cli/main.js doctor --gpu "$gpu" --model "$model" | tee "$out/doctor.txt"

for part in ${PARTS:-generation scaling}; do
  case $part in
    generation)
      "$node" bench/generation/main.mjs --gpu "$gpu" --model "$model" --workloads a,b,d \
        "${quick[@]}" --json "$out/generation.json" 2>&1 | tee "$out/generation.txt" || failed+=(generation)
      ;;
    scaling)
      for rows in ${ROWS:-24 64 128 192 255}; do
        echo "#### bench scaling, $rows chains at once"
        "$node" dist/cli/main.js bench scaling --data examples/preferences.jsonl --users examples/users.jsonl \
          --gpu "$gpu" --model "$model" "${note[@]}" --levels "${LEVELS:-1,ind-8,ind-16,ind-32}" --max-sequences "$rows" \
          --max-tokens "$max_tokens" --adaptive off --check-measuring "${quick[@]}" ${ROUNDS:+--rounds "$ROUNDS"} \
          --out "$out/scaling-$rows" --resume 2>&1 | tee "$out/scaling-$rows.txt"
        status=${PIPESTATUS[0]}
        # 3: a level has no room and is skipped with its need.
        [ "$status" = 0 ] || [ "$status" = 3 ] || failed+=("scaling-$rows")
      done
      ;;
    *) echo "PARTS may name generation and scaling, got $part" >&2; exit 2 ;;
  esac
done
[ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
echo "everything is in $out"
