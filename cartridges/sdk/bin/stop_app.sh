#!/bin/bash
# stop_app.sh: stop every cartridge of this gear; a name that old scripts use.
source "${BASH_SOURCE[0]%/*}/../bash/at-work"
echo 'Waiting for stop to finish'
gear stop --quiet && echo Done
