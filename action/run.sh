#!/usr/bin/env bash
# What action.yml runs: builds tripod from the action's own commit, lints, and puts the findings into the job summary.
# The settings come in as TRIPOD_ACTION_PATH, TRIPOD_DIRECTORY, TRIPOD_FAIL_ON; they are data and never part of a command.
set -euo pipefail

bin=${RUNNER_TEMP:-$(mktemp -d)}/tripod
# A pull request's own go.work or flags have no say in what is built here.
(cd "$TRIPOD_ACTION_PATH" && GOFLAGS='' GOWORK=off go build -trimpath -o "$bin" ./cmd/tripod)

flags=(--offline --color never)
if [ -n "${TRIPOD_FAIL_ON:-}" ]; then
  flags+=("--fail-on=$TRIPOD_FAIL_ON")
fi

code=0
"$bin" lint "${flags[@]}" -- "${TRIPOD_DIRECTORY:-.}" || code=$?

# The summary says the same once more; where definitions cannot be loaded, the log has the errors.
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ "$code" -lt 2 ]; then
  {
    echo '## tripod lint'
    echo
    "$bin" lint "${flags[@]}" --format markdown -- "${TRIPOD_DIRECTORY:-.}" || true
  } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$code"
