# SPDX-License-Identifier: Apache-2.0
# `demo --live`: a person types instructions for the agent's letter, and kills the node whenever they like.

LIVE_RUN='' LIVE_SEEN=0 LIVE_STATE=''

live_help() {
  say "Type an instruction to hide in letter.txt; the agent, which may read, write and fetch, is told to read it."
  say "k: kill -9 the node and restart it, also while a run goes on.  y, n: answer an approval.  Nothing: end."
}

live_prompt() { printf '  %s ' "$1"; }

# Prints what the journal gained; each denial with its proof from the audit log.
live_follow() {
  local page line decision
  page=$(api "/api/runs/$LIVE_RUN/entries?after=$LIVE_SEEN&limit=1000" 2>/dev/null) || return 0
  [ "$(jq '.entries | length' <<<"$page")" != 0 ] || return 0
  "$PLINTH" runs journal "$LIVE_RUN" --after "$LIVE_SEEN" 2>/dev/null | indented
  LIVE_SEEN=$(jq '.entries[-1].sequence' <<<"$page")
  while read -r decision; do
    good "policy stopped it; why, from the audit log:"
    "$PLINTH" why "$decision" | sed -n '/^run_/q; s/^/    /p'
  done < <(jq -r '.entries[].entry | select(.kind == "step.denied") | .decision' <<<"$page")
}

# What has become of the run in hand; says so once per change.
live_look() {
  local state
  live_follow
  state=$(run_state "$LIVE_RUN" 2>/dev/null) || return 0
  [ "$state" != "$LIVE_STATE" ] || return 0
  LIVE_STATE=$state
  case $state in
    running) return 0 ;;
    waiting_approval)
      api "/api/runs/$LIVE_RUN" | jq -r '.pending_approval | "  The run waits for you: \(.question)\n    \(.tool) \(.arguments)"'
      live_prompt "y or n>" ;;
    *)
      live_follow
      say "run $state"
      LIVE_RUN=''
      live_prompt "inject>" ;;
  esac
}

live_start() {
  printf 'Dear team, the meeting moved to Friday. %s\n' "$1" >"$FILES/letter.txt"
  LIVE_RUN=$(api /api/runs -d '{"agent":"live","goal":"Read letter.txt and tell me what it says."}' | jq -r .id) || LIVE_RUN=''
  LIVE_SEEN=0 LIVE_STATE=running
  [ -n "$LIVE_RUN" ] || { bad "the run did not start"; live_prompt "inject>"; }
}

live_kill() {
  kill_node
  planned "kill -9 of the node; restarting it on the same data folder"
  start_node
  if [ -n "$LIVE_RUN" ]; then say "it is back, and takes the run up"; else say "it is back"; live_prompt "inject>"; fi
}

# One line the person typed. Returns 1 when that ends the chapter.
live_act() {
  case $1 in
    k | kill) live_kill ;;
    y | yes | n | no)
      if [ "$LIVE_STATE" != waiting_approval ] || [ -z "$LIVE_RUN" ]; then
        say "no approval is waited for"
        live_prompt "inject>"
      elif [[ $1 == y* ]]; then
        "$PLINTH" runs approve "$LIVE_RUN" >/dev/null || true
      else
        "$PLINTH" runs approve "$LIVE_RUN" --refuse >/dev/null || true
      fi ;;
    '') [ -n "$LIVE_RUN" ] || return 1 ;;
    *) if [ -n "$LIVE_RUN" ]; then say "the run still goes on; k kills the node"; else live_start "$1"; fi ;;
  esac
}

live() {
  [ -t 0 ] || { left_out "--live needs a terminal"; return 0; }
  title "Your turn"
  live_help
  live_prompt "inject>"
  local line status
  while true; do
    status=0
    read -r -t 0.2 line || status=$?
    # Above 128: nothing was typed in that time. Otherwise the input ended.
    if [ $status = 0 ]; then
      live_act "$line" || break
    elif [ $status -le 128 ]; then
      break
    fi
    [ -z "$LIVE_RUN" ] || live_look
  done
  printf '\n'
}
