#!/usr/bin/env bash
# The GPU's part of the benchmarks on a bare CUDA machine: no network, no Node; bash, tar and the NVIDIA driver with CUDA 13 (cudart, cublas) are enough.
#   bench/gpu.sh pack FOLDER [--cuda12]  on a machine that has the project built: what to carry over, in pieces under 58 MB
#   gpu.sh [run]                         in that folder: joins the pieces and checks them, measures into results/ and results.tgz. Again: goes on
# By environment:
#   LIMIT    seconds that one call may take; what is cut off then is kept, and the same command goes on. For machines that
#            give 10 minutes: LIMIT=570 gpu.sh, until it ends with 0 (3: there is more to do). On a fresh machine put results.tgz back first
#   PARTS    "model generation scaling": the weights (9 GB on disk), decode rates beside peers, cost of each level. Each by itself:
#            PARTS=model; PARTS=generation WORKLOADS=a (b, d); PARTS=scaling ROWS=24 (64 ...), with QUICK=1 made for 10 minutes each
#   MODEL    a GGUF; default random weights in the 8B shape (Q8_0), written here. GPU memory: 9 GB of weights and 0.13 MB a token of KV cache,
#            so 12 GB for 24 chains at once and 32 GB for 255; with less, layers stay on the CPU
#   GPU      cuda; off for the CPU. ROWS "24 64 128 192 255" chains at once (llama.cpp has 256 sequences, of which every prompt takes one)
#   LEVELS, ADAPTIVE (risk or off), ROUNDS, MAX_TOKENS (512), QUICK=1, THREADS (of the CPU, for sampling; all cores, 16 at most), OUT (results)
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { echo "gpu.sh: $*" >&2; }
die() { say "$*"; exit 1; }
began=$SECONDS

# Carried over: join the pieces once, and go on inside.
if [ -d "$here/pieces" ]; then
  cd "$here" || exit 1
  stamp=$(sha256sum SHA256SUMS | cut -c1-64)
  if [ "$(cat pgenrm/.joined 2>/dev/null)" != "$stamp" ]; then
    sha256sum --check --quiet SHA256SUMS || die "pieces named above are missing or damaged: carry them over again"
    rm -rf pgenrm pgenrm.part
    mkdir pgenrm.part && cat pieces/* | tar -xz -C pgenrm.part || die "the pieces could not be unpacked: is the disk full?"
    echo "$stamp" >pgenrm.part/.joined
    mv pgenrm.part pgenrm || exit 1
    say "joined $(ls pieces | wc -l) pieces, SHA-256 as packed"
  fi
  case ${MODEL:-} in /* | '') ;; *) [ -f "$MODEL" ] && MODEL=$here/$MODEL ;; esac
  export MODEL=${MODEL:-} OUT=${OUT:-$here/results} PGENRM_BENCH_CACHE=${PGENRM_BENCH_CACHE:-$here/cache} GPU_BEGAN=$SECONDS
  exec bash pgenrm/bench/gpu.sh "$@"
fi

root=$(cd "$here/.." && pwd)
node=$root/bin/node
[ -x "$node" ] || node=$(command -v node) || die "there is neither $root/bin/node nor a node on the PATH"
if [ "${1:-run}" = pack ]; then
  shift
  exec "$node" "$root/scripts/pack-gpu-bench.mjs" "$@"
fi
[ "${1:-run}" = run ] || { echo "usage: gpu.sh [run | pack FOLDER [--cuda12]]" >&2; exit 2; }

gpu=${GPU:-cuda}
out=${OUT:-$root/results}
model=${MODEL:-}
[ -z "$model" ] || [ -f "$model" ] || model=$root/models/$model
[ -z "$model" ] || [ -f "$model" ] || die "there is no model ${MODEL:-}, nor $model"
[ -z "$model" ] || model=$(cd "$(dirname "$model")" && pwd)/$(basename "$model")
case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$root" || exit 1
export PGENRM_BENCH_CACHE=${PGENRM_BENCH_CACHE:-$root/cache} PGENRM_CACHE=${PGENRM_CACHE:-${PGENRM_BENCH_CACHE:-$root/cache}}
for part in ${PARTS:-model generation scaling}; do
  case $part in model | generation | scaling) ;; *) echo "PARTS may name model, generation and scaling, got $part" >&2; exit 2 ;; esac
done
if [ ! -d "$out" ] && [ -f "$out.tgz" ]; then
  tar -xzf "$out.tgz" -C "$(dirname "$out")" || die "$out.tgz is damaged: carry it over again, or remove it to start anew"
fi
mkdir -p "$out" "$PGENRM_BENCH_CACHE" || exit 1
# Seconds for what was measured to be written down once a step is interrupted.
grace=${GRACE:-20}
# Fixed, for what is idle changes from call to call and a bench goes on under its own conditions only.
threads=()
cores=$(nproc)
[ "$gpu" = off ] || threads=(--threads $((cores < 16 ? cores : 16)))
[ -z "${THREADS:-}" ] || threads=(--threads "$THREADS")
quick=()
[ "${QUICK:-}" = 1 ] && quick=(--quick)
failed=()
unfinished=()

# Whether there is a GPU, and the folders of the CUDA runtime, which may lie where the loader does not look, such as beside a Python package.
find_cuda() {
  PATH=$PATH:/usr/local/nvidia/bin
  command -v nvidia-smi >/dev/null || die "no NVIDIA GPU here: there is no nvidia-smi. GPU=off measures the CPU"
  nvidia-smi >"$out/nvidia-smi.txt" 2>&1 || die "no NVIDIA GPU works here: $(head -c 300 "$out/nvidia-smi.txt"). GPU=off measures the CPU"
  local versions=(13) version name path places folders missing known
  [ -d "$root/node_modules/@node-llama-cpp/linux-x64-cuda-ext" ] && versions+=(12)
  known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n 's/^.*=> //p')
  for version in "${versions[@]}"; do
    # In the order in which one is taken: what the caller names, what the loader knows, what lies about.
    places=$(timeout 60 find -L ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }} ${CUDA_PATH:-} -maxdepth 4 -name 'libcu*.so.*' 2>/dev/null
      echo "$known"
      timeout 60 find -L /usr/local /usr/lib /usr/lib64 /opt /root /home -maxdepth 9 -name 'libcu*.so.*' -not -path '*/stubs/*' 2>/dev/null)
    missing=()
    folders=()
    for name in libcuda.so.1 "libcudart.so.$version" "libcublas.so.$version" "libcublasLt.so.$version"; do
      path=$(grep -m 1 "/$name\$" <<<"$places")
      [ -n "$path" ] || missing+=("$name")
      folders+=("${path%/*}")
    done
    [ ${#missing[@]} -gt 0 ] || break
  done
  [ ${#missing[@]} = 0 ] || die "a GPU, but no CUDA runtime: ${missing[*]} not found; name their folder in LD_LIBRARY_PATH. GPU=off measures the CPU"
  for path in "${folders[@]}"; do
    case :${LD_LIBRARY_PATH:-}: in *":$path:"*) ;; *) LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$path ;; esac
  done
  export LD_LIBRARY_PATH
  say "CUDA $version from $LD_LIBRARY_PATH"
}

# step NAME KEY COMMAND...: runs a step that is not done yet within what is left of LIMIT, its output kept beside its results.
# KEY: what the step depends on; done under another one it is run again.
step() {
  local name=$1 key=$2 status left=0
  shift 2
  if [ "$(cat "$out/$name.done" 2>/dev/null)" = "$key" ]; then
    say "$name: done before"
    return 0
  fi
  local run=()
  if [ -n "${LIMIT:-}" ]; then
    left=$((LIMIT - SECONDS + began - ${GPU_BEGAN:-0}))
    # Less would not load a model and measure anything with it.
    if [ "$left" -le $((2 * grace)) ]; then
      unfinished+=("$name")
      return 0
    fi
    run=(timeout --signal INT --kill-after "$grace" $((left - grace)))
  fi
  echo "#### $name"
  "${run[@]}" "$@" 2>&1 | tee "$out/$name.txt"
  status=${PIPESTATUS[0]}
  # 3: a level has no room and is skipped with its need.
  if [ "$status" = 0 ] || [ "$status" = 3 ]; then
    echo "$key" >"$out/$name.done"
  elif [ "$status" = 124 ] || [ "$status" = 130 ] || [ "$status" = 137 ]; then
    unfinished+=("$name")
  else
    failed+=("$name")
  fi
}

[ "$gpu" = off ] || find_cuda
note=()
adaptive=${ADAPTIVE:-0.05}
if [ -z "$model" ]; then
  text="random weights in the 8B shape (Llama 3, Q8_0): times are those of such a model, chains mean nothing and are lost"
  note=(--model-note "$text")
  adaptive=${ADAPTIVE:-off}
  echo "! $text"
  # Left by a call that was cut off; nobody else writes here.
  rm -f "$PGENRM_BENCH_CACHE"/models/*.part
  [ -z "${LIMIT:-}" ] || limited=(timeout "$LIMIT")
  model=$("${limited[@]:-env}" "$node" bench/models/write-8b.mjs) || die "the random model could not be written: it takes 9 GB in $PGENRM_BENCH_CACHE, $(df -Ph "$PGENRM_BENCH_CACHE" | awk 'NR==2 {print $4}') are free"
fi
"$node" dist/cli/main.js doctor --gpu "$gpu" --model "$model" 2>&1 | tee "$out/doctor.txt"
[ "${PIPESTATUS[0]}" = 0 ] || die "nothing was measured: doctor says above what does not work here"
key="gpu $gpu, model $(basename "$model"), quick ${QUICK:-0}, rounds ${ROUNDS:-default}"

for part in ${PARTS:-model generation scaling}; do
  case $part in
    generation)
      for workload in ${WORKLOADS:-a b d}; do
        step "generation-$workload" "$key" "$node" bench/generation/main.mjs --gpu "$gpu" --model "$model" --workloads "$workload" \
          "${threads[@]}" "${quick[@]}" ${ROUNDS:+--rounds "$ROUNDS"} --json "$out/generation-$workload.json"
      done
      ;;
    scaling)
      for rows in ${ROWS:-24 64 128 192 255}; do
        step "scaling-$rows" "$key, levels ${LEVELS:-default}, adaptive $adaptive, tokens ${MAX_TOKENS:-512}" \
          "$node" dist/cli/main.js bench scaling --data examples/preferences.jsonl --users examples/users.jsonl \
          --gpu "$gpu" --model "$model" "${threads[@]}" "${note[@]}" --levels "${LEVELS:-1,ind-8,ind-16,ind-32}" --max-sequences "$rows" \
          --max-tokens "${MAX_TOKENS:-512}" --adaptive "$adaptive" --check-measuring "${quick[@]}" ${ROUNDS:+--rounds "$ROUNDS"} \
          --out "$out/scaling-$rows" --resume
      done
      ;;
  esac
done
tar -czf "$out.tgz.part" -C "$(dirname "$out")" "$(basename "$out")" && mv "$out.tgz.part" "$out.tgz"
say "results are in $out, and together in $out.tgz"
[ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
if [ ${#unfinished[@]} -gt 0 ]; then
  say "not finished: ${unfinished[*]}; the same command goes on"
  exit 3
fi
say "everything is done"
