#!/bin/bash
# start_app.sh: start every cartridge of this gear; a name that old scripts use.
source "${BASH_SOURCE[0]%/*}/../bash/at-work"
gear start --quiet && echo Done
