# SPDX-License-Identifier: Apache-2.0
# What every chapter uses: narration, a node to start, kill and restart, and calls to its API.

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' DIM='' GREEN='' RED='' PLAIN=''; fi

WORK=$(mktemp -d "${TMPDIR:-/tmp}/plinth-demo.XXXXXX")
NODE_PID='' ADDRESS='' CONSOLE=''
SHOWN=()

title() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
say() { printf '  %s\n' "$*"; }
quiet() { printf '  %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
good() { printf '  %s✓%s %s\n' "$GREEN" "$PLAIN" "$*"; }
bad() { printf '  %s✗ %s%s\n' "$RED" "$*" "$PLAIN"; }
die() { bad "$*"; tail -n 20 "$WORK/node.log" >&2 2>/dev/null || true; exit 1; }
shown() { SHOWN+=("$1|$2"); }

# A wrong outcome ends the demo when the starter model plays, because its part is known; another model may differ.
expect() {
  if [ "$IS_STARTER" = 1 ]; then die "$*"; else bad "$* (another model may do otherwise)"; fi
}

stop_node() {
  [ -n "$NODE_PID" ] || return 0
  kill "$NODE_PID" 2>/dev/null || true
  wait "$NODE_PID" 2>/dev/null || true
  NODE_PID=''
}

cleanup() {
  local code=$?
  if [ "$KEEP" = 1 ] && [ $code = 0 ] && [ -n "$NODE_PID" ]; then
    disown "$NODE_PID" 2>/dev/null || true
    return
  fi
  stop_node
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Starts (or restarts) the node on the same data folder and waits until it is ready.
start_node() {
  local listen=127.0.0.1:${1:-0}
  : >"$WORK/up.json"
  "$PLINTH" up --data "$WORK/data" --listen "$listen" --json --log warning "${MODEL_ARGS[@]}" "${AGENT_ARGS[@]}" \
    >"$WORK/up.json" 2>>"$WORK/node.log" &
  NODE_PID=$!
  local i
  for i in $(seq 600); do
    [ -s "$WORK/up.json" ] && break
    kill -0 "$NODE_PID" 2>/dev/null || die "the node did not start: $(cat "$WORK/up.json")"
    sleep 0.05
  done
  ADDRESS=$(jq -r .address "$WORK/up.json")
  CONSOLE=$(jq -r .console "$WORK/up.json")
  MODEL=$(jq -r '.models[0]' "$WORK/up.json")
  export PLINTH_URL=$ADDRESS
  for i in $(seq 600); do
    curl -fsS "$ADDRESS/readyz" >/dev/null 2>&1 && return 0
    kill -0 "$NODE_PID" 2>/dev/null || die "the node ended before it was ready:"
    sleep 0.05
  done
  die "the node is not ready after 30 s"
}

port_of() { printf '%s' "${ADDRESS##*:}"; }

kill_node() {
  kill -9 "$NODE_PID"
  wait "$NODE_PID" 2>/dev/null || true
  NODE_PID=''
}

api() { curl -fsS -H 'content-type: application/json' "$ADDRESS$1" "${@:2}"; }

run_state() { api "/api/runs/$1" | jq -r .state; }

# Waits until a run has left `running`.
await_run() {
  local state i
  for i in $(seq 1200); do
    state=$(run_state "$1" 2>/dev/null || echo running)
    [ "$state" != running ] && return 0
    sleep 0.05
  done
  die "run $1 still runs after 60 s"
}

finish() {
  title "What was just shown"
  local row
  for row in "${SHOWN[@]}"; do printf '  %-12s -> %s\n' "${row%%|*}" "${row#*|}"; done
  if [ "$KEEP" = 1 ]; then
    title "The node stays up (process $NODE_PID, data in $WORK/data)"
  else
    title "Where things are while a node is up (./run up, or ./run demo --keep)"
  fi
  say "OpenAI API  $ADDRESS/v1"
  say "MCP         $ADDRESS/mcp"
  say "metrics     $ADDRESS/metrics"
  say "console     $CONSOLE"
}
