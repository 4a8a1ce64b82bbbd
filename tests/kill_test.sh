#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill_test.sh [ROUNDS] [SEED]: agent runs like the demo's while the node is killed with -9 at random instants.
# After each kill the node restarts on the same data. In the end: every run completed, every effect was done once,
# every acknowledged write (runs, memory records) is there, and the audit chain is intact.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
ROUNDS=${1:-200} SEED=${2:-$RANDOM}
RANDOM=$SEED
echo "$ROUNDS kills, seed $SEED"

mkdir -p "$WORK/files"
cat >"$WORK/worker.yaml" <<YAML
version: 1
name: worker
system: You are a helpful assistant.
tools: [read_file, write_file, calculate]
workspace: $WORK/files
YAML
AGENT_ARGS=(--agent "$WORK/worker.yaml")

declare -A TOTAL=()
RUNS=() RECORDS=() resumed=0
begin_run() {
  local n=$1 a=$((RANDOM % 900 + 10)) b=$((RANDOM % 900 + 10)) run
  printf 'north %d\nsouth %d\n' "$a" "$b" >"$WORK/files/sales$n.txt"
  # Only an acknowledged start counts; one cut off by the kill may or may not exist.
  run=$(api /api/runs -d "{\"agent\":\"worker\",\"goal\":\"Read sales$n.txt, add up the numbers and write the total to total$n.txt.\"}" 2>/dev/null | jq -r .id) || return 0
  [ -n "$run" ] || return 0
  RUNS+=("$run")
  TOTAL[$run]="$n $((a + b))"
}
begin_memory() {
  local id
  id=$("$PLINTH" memory remember notes "fact number $1" --json 2>/dev/null | jq -r .id) || return 0
  [ -n "$id" ] && [ "$id" != null ] && RECORDS+=("$id")
  return 0
}

for round in $(seq "$ROUNDS"); do
  start_node
  begin_run "$round"
  begin_memory "$round"
  sleep "$(printf '0.%03d' $((RANDOM % 500)))"
  kill_node
done
start_node
wrong=0 right=0
for run in "${RUNS[@]}"; do
  await_run "$run"
  read -r n total <<<"${TOTAL[$run]}"
  state=$(run_state "$run")
  entries=$(api "/api/runs/$run/entries?limit=1000")
  twice=$(jq '[.entries[].entry | select(.kind == "step.returned") | .step] | group_by(.) | map(select(length > 1)) | length' <<<"$entries")
  resumed=$((resumed + $(jq '[.entries[].entry | select(.kind == "run.resumed")] | length' <<<"$entries")))
  # What the file must hold is what the run's own journal says it wrote; whether the model added up right is its
  # own matter, counted apart.
  wanted=$(jq -r '[.entries[].entry | select(.kind == "step.intended" and .effect.tool == "write_file") | .effect.arguments.content] | last // "none"' <<<"$entries")
  writes=$(jq '[.entries[].entry | select(.kind == "step.returned" and .tool == "write_file" and (.is_error | not)) | .step] | length' <<<"$entries")
  intents=$(jq '[.entries[].entry | select(.kind == "step.intended" and .effect.tool == "write_file") | .step] | length' <<<"$entries")
  written=$(cat "$WORK/files/total$n.txt" 2>/dev/null || echo none)
  [ "$written" = "$total" ] && right=$((right + 1))
  if [ "$state" != completed ] || [ "$twice" != 0 ] || [ "$writes" != "$intents" ] || [ "$written" != "$wanted" ]; then
    wrong=$((wrong + 1))
    echo "run $run: state $state, steps twice $twice, writes $writes of $intents, total$n.txt '$written' (journal: '$wanted')"
  fi
done
duplicates=$(grep -h '"done"' "$WORK/files/.plinth/effects"* 2>/dev/null | jq -r '.key // empty' 2>/dev/null | sort | uniq -d | wc -l)
[ "$duplicates" = 0 ] || { wrong=$((wrong + 1)); echo "$duplicates effects stand twice in the ledger"; }
present=$(api "/api/memory/notes/records?limit=1000" | jq -r '.records[].id' | sort)
for record in "${RECORDS[@]}"; do
  grep -qx "$record" <<<"$present" || { wrong=$((wrong + 1)); echo "acknowledged record $record is lost"; }
done
"$PLINTH" audit verify || wrong=$((wrong + 1))
echo "${#RUNS[@]} runs, ${#RECORDS[@]} records, $ROUNDS kills, $resumed resumptions, $right totals right: $wrong wrong"
[ "$wrong" = 0 ]
