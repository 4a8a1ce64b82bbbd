# SPDX-License-Identifier: Apache-2.0
# What every chapter uses: narration, a node to start, kill and restart, and calls to its API.

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' AMBER=$'\e[33m' PLAIN=$'\e[0m'; else BOLD='' DIM='' GREEN='' RED='' AMBER='' PLAIN=''; fi

WORK=$(mktemp -d "${TMPDIR:-/tmp}/plinth-demo.XXXXXX")
NODE_PID='' ADDRESS='' CONSOLE=''
AREAS=()
declare -A SHOWN=()
# A real model may take its time; the starter's part is known.
if [ "$IS_STARTER" = 1 ]; then WAIT_S=60; else WAIT_S=600; fi
READY_S=60
# The node is on this machine: a proxy from the environment must not see its calls.
CURL=(curl --noproxy '*' -sS)

title() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
say() { printf '  %s\n' "$*"; }
quiet() { printf '  %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
good() { printf '  %s✓%s %s\n' "$GREEN" "$PLAIN" "$*"; }
bad() { printf '  %s✗ %s%s\n' "$RED" "$*" "$PLAIN"; }
planned() { printf '  %s!%s %s\n' "$AMBER" "$PLAIN" "$*"; }  # what looks like trouble and belongs to the story
left_out() { printf '  %s-%s %s\n' "$AMBER" "$PLAIN" "$*"; }
indented() { sed 's/^/  /'; }
die() { bad "$*"; tail -n 20 "$WORK/node.log" >&2 2>/dev/null || true; exit 1; }

# One row of the closing table; a second text for the same area joins the first.
shown() {
  [ -n "${SHOWN[$1]:-}" ] || AREAS+=("$1")
  SHOWN[$1]="${SHOWN[$1]:+${SHOWN[$1]}; }$2"
}

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
  set +e
  # A closing terminal hangs up more than once; neither this nor the removal below may be cut short by it.
  trap '' HUP INT TERM
  if [ "$KEEP" = 1 ] && [ $code = 0 ] && [ -n "$NODE_PID" ]; then
    disown "$NODE_PID" 2>/dev/null
    return
  fi
  stop_node
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts (or restarts) the node on the same data folder and waits until it is ready.
start_node() {
  local listen=127.0.0.1:${1:-0}
  : >"$WORK/up.json"
  "$PLINTH" up --data "$WORK/data" --listen "$listen" --json --log warning "${MODEL_ARGS[@]}" "${AGENT_ARGS[@]}" \
    >"$WORK/up.json" 2>>"$WORK/node.log" &
  NODE_PID=$!
  local i
  for i in $(seq $((WAIT_S * 20))); do
    [ -s "$WORK/up.json" ] && break
    kill -0 "$NODE_PID" 2>/dev/null || break
    sleep 0.05
  done
  jq -e .address "$WORK/up.json" >/dev/null 2>&1 ||
    die "the node did not start: $(jq -r '.error.message // empty' "$WORK/up.json" 2>/dev/null)"
  ADDRESS=$(jq -r .address "$WORK/up.json")
  CONSOLE=$(jq -r .console "$WORK/up.json")
  MODEL=$(jq -r '.models[0]' "$WORK/up.json")
  export PLINTH_URL=$ADDRESS
  for i in $(seq $((READY_S * 20))); do
    "${CURL[@]}" -f "$ADDRESS/readyz" >/dev/null 2>&1 && return 0
    kill -0 "$NODE_PID" 2>/dev/null || die "the node ended before it was ready:"
    sleep 0.05
  done
  die "the node is not ready after $READY_S s: $("${CURL[@]}" "$ADDRESS/readyz" 2>&1)"
}

kill_node() {
  kill -9 "$NODE_PID"
  wait "$NODE_PID" 2>/dev/null || true
  NODE_PID=''
}

api() { "${CURL[@]}" -f -H 'content-type: application/json' "$ADDRESS$1" "${@:2}"; }

run_state() { api "/api/runs/$1" | jq -r .state; }

# Waits until a run has left `running`.
await_run() {
  local state i
  for i in $(seq $((WAIT_S * 20))); do
    state=$(run_state "$1" 2>/dev/null || echo running)
    [ "$state" != running ] && return 0
    sleep 0.05
  done
  die "run $1 still runs after $WAIT_S s"
}

finish() {
  title "What was just shown"
  local area
  for area in "${AREAS[@]}"; do printf '  %-12s -> %s\n' "$area" "${SHOWN[$area]}"; done
  if [ "$KEEP" = 1 ]; then
    title "The node stays up"
    say "OpenAI API  $ADDRESS/v1"
    say "MCP         $ADDRESS/mcp"
    say "metrics     $ADDRESS/metrics"
    say "console     $CONSOLE"
    say "stop it     kill $NODE_PID && rm -r $WORK"
  else
    title "Where things are while a node is up (./run up, or ./run demo --keep)"
    say "OpenAI API  http://127.0.0.1:7070/v1"
    say "MCP         http://127.0.0.1:7070/mcp"
    say "metrics     http://127.0.0.1:7070/metrics"
    say "console     the address, with a token, that the node prints when it starts"
  fi
}
