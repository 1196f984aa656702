#!/bin/bash
# deploy.sh: runs the application's own `deploy` hook on what is in its repository; a name that old scripts use.
hook="${OPENSHIFT_REPO_DIR%/}/.openshift/action_hooks/deploy"
[ -x "$hook" ] || exit 0
echo 'Running .openshift/action_hooks/deploy'
cd "$OPENSHIFT_REPO_DIR" && exec "$hook"
