#!/bin/bash
# stop_app.sh: stop every cartridge of this gear; a name that old scripts use.
source "${BASH_SOURCE[0]%/*}/../bash/at-work"
reason=()
code_is_coming && reason=(--for-deployment)
echo 'Waiting for stop to finish'
gear stop --quiet "${reason[@]}" && echo Done
