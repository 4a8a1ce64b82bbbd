# SPDX-License-Identifier: Apache-2.0
# `demo --live`: a person types instructions for the agent's letter, and kills the node whenever they like.

LIVE_RUN='' LIVE_SEEN=0 LIVE_STATE='' LIVE_KILL_AT=''

live_help() {
  say "Type an instruction to hide in letter.txt; the agent, which may read, write and fetch, is told to read it."
  say "k: kill -9 the node and restart it, also while a run goes on.  k 4: the same when the next run reaches step 4"
  say "(the starter model's runs last about a second).  y, n: answer an approval.  Nothing: end."
}

live_prompt() { printf '  %s ' "$1"; }

# Prints what the journal gained, each denial with its proof from the audit log; says when the run stops or waits.
live_look() {
  local text page decision last
  # Text first: the page, read after it, holds whatever the text does.
  text=$("$PLINTH" runs journal "$LIVE_RUN" --after "$LIVE_SEEN" 2>/dev/null) || return 0
  [ -n "$text" ] || return 0
  last=$(awk '$1 ~ /^[0-9]+$/ { last = $1 } END { print last }' <<<"$text")
  page=$(api "/api/runs/$LIVE_RUN/entries?after=$LIVE_SEEN&limit=1000" 2>/dev/null |
    jq --argjson last "$last" '[.entries[] | select(.sequence <= $last) | .entry]') || return 0
  LIVE_SEEN=$last
  indented <<<"$text"
  while read -r decision; do
    good "policy stopped it; why, from the audit log:"
    "$PLINTH" why "$decision" | sed -n '/^run_/q; s/^/    /p'
  done < <(jq -r '.[] | select(.kind == "step.denied") | .decision' <<<"$page")
  case $(jq -r '.[-1].kind' <<<"$page") in
    approval.requested)
      LIVE_STATE=waiting_approval
      api "/api/runs/$LIVE_RUN" | jq -r '.pending_approval | "  The run waits for you: \(.tool) \(.arguments)"'
      live_prompt "y or n>" ;;
    run.completed | run.failed | run.cancelled)
      LIVE_RUN='' LIVE_STATE=''
      live_prompt "inject>" ;;
    *) LIVE_STATE=running ;;
  esac
}

live_start() {
  printf 'Dear team, the meeting moved to Friday. %s\n' "$1" >"$FILES/letter.txt"
  LIVE_RUN=$(api /api/runs -d '{"agent":"live","goal":"Read letter.txt and tell me what it says."}' | jq -r .id) || LIVE_RUN=''
  LIVE_SEEN=0 LIVE_STATE=running
  [ -n "$LIVE_RUN" ] || { bad "the run did not start"; live_prompt "inject>"; return 0; }
  [ -z "$LIVE_KILL_AT" ] || live_kill_at
}

# Waits until the run has the armed step in hand, or is over, then kills the node.
live_kill_at() {
  local i found
  for i in $(seq $((WAIT_S * 20))); do
    found=$(api "/api/runs/$LIVE_RUN/entries?limit=1000" | jq --argjson step "$LIVE_KILL_AT" \
      'any(.entries[].entry; (.kind == "step.intended" and .step >= $step) or (.kind | test("^run\\.(completed|failed|cancelled)$")))') || found=false
    [ "$found" != true ] || break
    [ "$IS_STARTER" = 1 ] || sleep 0.05
  done
  LIVE_KILL_AT=''
  live_kill
}

live_kill() {
  kill_node
  planned "kill -9 of the node; restarting it on the same data folder"
  start_node
  if [ -z "$LIVE_RUN" ]; then
    say "it is back"
    live_prompt "inject>"
  elif [ "$LIVE_STATE" = waiting_approval ]; then
    say "it is back, and the run still waits for you"
    live_prompt "y or n>"
  else
    say "it is back, and takes the run up"
  fi
}

# One line the person typed. Returns 1 when that ends the chapter.
live_act() {
  case $1 in
    k | kill) live_kill ;;
    'k '[1-9] | 'k '[1-9][0-9])
      LIVE_KILL_AT=${1#k }
      say "the node will be killed when the next run has step $LIVE_KILL_AT in hand"
      [ -n "$LIVE_RUN" ] || live_prompt "inject>" ;;
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
    read -r -t 0.1 line || status=$?
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
