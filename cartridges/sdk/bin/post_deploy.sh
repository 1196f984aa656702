#!/bin/bash
# post_deploy.sh: runs the application's own `post_deploy` hook on what is in its repository; a name that old scripts use.
source "${BASH_SOURCE[0]%/*}/../bash/at-work"
run_deploy_hook post_deploy
