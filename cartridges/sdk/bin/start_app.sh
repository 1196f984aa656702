#!/bin/bash
# start_app.sh: start every cartridge of this gear; a name that old scripts use.
gear start && echo Done
