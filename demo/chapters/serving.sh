# SPDX-License-Identifier: Apache-2.0
# Serving: sixteen callers at once whose prompts begin alike, then the same with one of them flooding the node. A live table
# of what runs and waits, then what each caller had of it.

CALLERS=16
LOADS=()

load_of() {  # PHASE CALLER REQUESTS CONCURRENCY OUT -> starts it; the result lands in $WORK/PHASE-CALLER.json
  "$PLINTH" bench serve --key "${KEYS[$2]}" --model "$MODEL" --requests "$3" --concurrency "$4" --shared 256 --unique 32 \
    --out "$5" --seed "$((1000 + $2))" --json >"$WORK/$1-$2.json" 2>>"$WORK/node.log" &
  LOADS+=($!)
}

# While the loads run: what the node does.
watch_loads() {
  local pid
  printf '  %6s %9s %9s %14s\n' time running waiting 'from cache'
  while :; do
    local alive=0
    for pid in "${LOADS[@]}"; do kill -0 "$pid" 2>/dev/null && alive=1; done
    [ $alive = 1 ] || break
    api /api/models | jq -r '.models[0] | [.running, .waiting] | @tsv' >"$WORK/now" 2>/dev/null || true
    printf '  %5ss %9s %9s %13s%%\n' "$((SECONDS - BEGAN))" "$(cut -f1 "$WORK/now")" "$(cut -f2 "$WORK/now")" \
      "$("${CURL[@]}" "$ADDRESS/metrics" | awk '/^plinth_prefix_cache_tokens_total/ { sum += $2; if (/hit/) hit = $2 }
        END { printf "%.0f", sum ? 100 * hit / sum : 0 }')"
    sleep 2
  done
  for pid in "${LOADS[@]}"; do wait "$pid" || true; done
  LOADS=()
}

# Of the callers 0 to 14, all requests together.
worst_of() { jq -s "map($1) | max | . * 10 | round / 10" "$WORK/$2"-[0-9].json "$WORK/$2"-1[0-4].json; }
middle_of() { jq -s "map($1) | sort | .[length / 2 | floor] | . * 10 | round / 10" "$WORK/$2"-[0-9].json "$WORK/$2"-1[0-4].json; }

phase() {  # NAME FLOOD
  local i
  BEGAN=$SECONDS
  for i in $(seq 0 14); do load_of "$1" "$i" 6 1 24; done
  if [ "$2" = 1 ]; then load_of "$1" 15 96 48 24; else load_of "$1" 15 6 1 24; fi
  watch_loads
}

show_phases() {
  printf '  %-34s %10s %10s\n' '' calm flooded
  local row
  for row in 'time to first token, middle ms|middle_of|.time_to_first_token_ms.p50' \
    'time to first token, worst ms|worst_of|.time_to_first_token_ms.max' \
    'time between events, worst p90 ms|worst_of|.time_between_events_ms.p90'; do
    IFS='|' read -r heading how what <<<"$row"
    printf '  %-34s %10s %10s\n' "$heading" "$($how "$what" calm)" "$($how "$what" flooded)"
  done
  printf '  %-34s %10s %10s\n' "the sixteenth, middle ms" "$(jq '.time_to_first_token_ms.p50 | round' "$WORK/calm-15.json")" \
    "$(jq '.time_to_first_token_ms.p50 | round' "$WORK/flooded-15.json")"
}

chapter() {
  AGENT_ARGS=()
  local i failed
  title "1. Sixteen callers, one model"
  if [ "$IS_STARTER" = 1 ]; then
    say "a Qwen2.5 0.5B with weights drawn at random, so that every token costs what it costs there"
    "$PLINTH" model synth --arch qwen2 --shape 0.5b --type q4_0 "$WORK/qwen.gguf" >/dev/null
    MODEL_ARGS=(--model "$WORK/qwen.gguf")
  fi
  start_node
  KEYS=()
  for i in $(seq $CALLERS); do KEYS+=("$("$PLINTH" keys create "caller-$i" --role user --json | jq -r .secret)"); done
  say "each has a key of its own; all prompts begin with the same 256 tokens and go on for 32 of their own"
  phase calm 0
  good "$(jq -s 'map(.cached_tokens) | add' "$WORK"/calm-*.json) of $(jq -s 'map(.prompt_tokens) | add' "$WORK"/calm-*.json) prompt tokens came from the cache"
  title "2. The same, and the sixteenth floods the node"
  say "48 connections at once, 96 requests, as fast as they are answered"
  phase flooded 1
  failed=$(jq -s 'map(.failed) | add' "$WORK"/flooded-[0-9].json "$WORK"/flooded-1[0-4].json)
  [ "$failed" = 0 ] || die "$failed requests of the others failed"
  title "3. What the others noticed"
  show_phases
  good "every request of the fifteen was answered; the one that floods waits for itself"
  shown serving "sixteen callers on a shared start, one of them flooding; nobody else refused"
}
