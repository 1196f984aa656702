#!/bin/bash
# stop_app.sh: stop every cartridge of this gear; a name that old scripts use.
gear stop && echo Done
