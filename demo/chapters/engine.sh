# SPDX-License-Identifier: Apache-2.0
# The engine: tokens per second of real shapes with random weights, beside what the memory of this machine allows, and
# beside llama.cpp where bench/peers has built it. No node is started.

PEER=$ROOT/build/peers/llama.cpp-native/bin/llama-bench
THREADS=$(nproc)

available_mib() { awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }
free_mib() { df -Pm "$WORK" | awk 'NR == 2 { print $4 }'; }

peer_rates() {  # FILE PREFILL DECODE -> "prefill decode" in tokens per second
  "$PEER" -m "$1" -t "$THREADS" -p "$2" -n "$3" -r 1 -o json 2>/dev/null | jq -r 'map(.avg_ts) | @tsv'
}

show_speed() {  # NAME ARCHITECTURE SHAPE TYPE PREFILL DECODE BATCHES
  local name=$1 file=$WORK/$3.gguf body theirs=()
  say "$name: weights drawn at random, the shapes and the types of the real model"
  "$PLINTH" model synth --arch "$2" --shape "$3" --type "$4" "$file" >/dev/null
  body=$("$PLINTH" model bench "$file" --prefill "$5" --decode "$6" --batch "$7" --threads "$THREADS" --repetitions 1 \
    --json 2>>"$WORK/node.log") || die "the benchmark failed: $body"
  quiet "first token $(jq '.first_token_ms | round' <<<"$body") ms after the load began, weights packed for this CPU"
  [ -x "$PEER" ] && read -r -a theirs <<<"$(peer_rates "$file" "$5" "$6")"
  printf '  %-28s %12s %14s\n' "tokens per second" Plinth llama.cpp
  jq -r '.rows[] | [.test, .tokens, .batch, (.tokens_per_s * 10 | round / 10)] | @tsv' <<<"$body" |
    while read -r test tokens batch rate; do
      local beside=-
      [ "$test" = prefill ] && beside=${theirs[0]:--}
      [ "$test$batch" = decode1 ] && beside=${theirs[1]:--}
      [ "$beside" = - ] || beside=$(LC_ALL=C printf '%.1f' "$beside")
      printf '  %-28s %12s %14s\n' "$test of $tokens, $batch at once" "$rate" "$beside"
    done
  good "$(jq -r '(.rows | map(select(.test == "decode" and .batch == 1))[0].tokens_per_s) as $rate |
    "decode is at \($rate / .roofline_tokens_per_s * 100 | round) % of what memory read at \(.read_gb_per_s | round) GB/s allows"' <<<"$body")"
  rm -f "$file"
}

show_levels() {
  title "3. One answer at every instruction set"
  local starter tokens level expected found
  starter=$(ls "$ROOT"/models/starter/*.gguf)
  tokens=$(echo "Hello, who are you?" | "$PLINTH" model tokenize "$starter" --add-special --json | jq -r '.tokens | join(",")')
  for level in scalar avx2 avx512; do
    # A CPU without a level says so.
    found=$("$PLINTH" model logits "$starter" --tokens "$tokens" --greedy 16 --isa "$level" --json 2>>"$WORK/node.log") ||
      { quiet "$level: not on this CPU"; continue; }
    found=$(jq -c .greedy <<<"$found")
    say "$level: $found"
    [ "${expected:=$found}" = "$found" ] || die "$level chose other tokens than the scalar reference"
  done
  good "the starter model's greedy tokens are the same, from readable scalar code to vector kernels"
  shown engine "the same greedy tokens at every instruction set of this CPU"
}

show_grammar() {
  title "4. A reply held to a schema"
  local reply
  cat >"$WORK/schema.json" <<'JSON'
{"type": "object", "additionalProperties": false, "required": ["name", "age", "tags"], "properties": {
  "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 120},
  "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}}}
JSON
  say "the starter model knows nothing of JSON and draws at temperature 1.5; the schema decides what it may say:"
  for seed in 1 2 3; do
    reply=$("$PLINTH" model generate "$(ls "$ROOT"/models/starter/*.gguf)" --prompt "Describe a person." --chat \
      --json-schema "$WORK/schema.json" --temperature 1.5 --seed $seed --max-tokens 120 2>>"$WORK/node.log")
    say "$reply"
    jq -e '(.age | . >= 0 and . <= 120) and (.tags | length <= 3) and (.name | length <= 12) and (keys | length == 3)' \
      <<<"$reply" >/dev/null || die "that is not what the schema says"
  done
  good "three replies, each valid"
  shown engine "replies held to a JSON Schema"
}

chapter() {
  AGENT_ARGS=()
  title "1. A small model: Qwen2.5 0.5B, Q4_0"
  show_speed "Qwen2.5 0.5B" qwen2 0.5b q4_0 512 64 1,4,16
  shown engine "a 0.5B model beside the bound of this machine's memory"
  title "2. A model people deploy: Llama 8B, Q4_K_M"
  if [ "$(available_mib)" -lt 11500 ] || [ "$(free_mib)" -lt 6000 ]; then
    left_out "it needs 11.5 GiB of free memory and 6 GiB of disk; here are $(available_mib) MiB and $(free_mib) MiB"
  else
    show_speed "Llama 8B" llama 8b q4_k_m 64 16 1,4
    shown engine "an 8B model in the same way"
  fi
  [ -x "$PEER" ] || quiet "bench/peers/llama_cpp.sh builds llama.cpp; then its figures stand beside these"
  show_levels
  show_grammar
}
