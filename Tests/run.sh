#!/usr/bin/env bash
# Runs the test targets one after the other, each in a process of its own, with what is built already.
# All at once they would starve one another on a small machine. Servers come from the environment (`polyclinic with-servers`).
# Arguments name the targets to run; none means all. What was skipped is listed at the end, with the reasons.
set -uo pipefail
cd "$(dirname "$0")/.."

# At most so many tests of a target at a time.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH="${TEST_WIDTH:-8}"
limit="${TARGET_LIMIT_SECONDS:-1500}"
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(find Tests -mindepth 1 -type d -name '*Tests' | xargs -n 1 basename | sort)
fi

passed=0
failed=0
log="$(mktemp)"
skipped="$(mktemp)"
trap 'rm -f "$log" "$skipped"' EXIT
for target in "${targets[@]}"; do
    echo "== $target"
    timeout "$limit" swift test --skip-build --disable-xctest --filter "^$target\\." >"$log" 2>&1
    status=$?
    count=$(grep -oE 'Test run with [0-9]+ tests?' "$log" | grep -oE '[0-9]+' | tail -n 1)
    if [ $status -eq 0 ] && [ "${count:-0}" -gt 0 ]; then
        passed=$((passed + count))
    else
        failed=$((failed + 1))
        # An issue's arguments may have lines of their own, and what was expected stands behind them.
        grep -E -A 4 '✘|^↳|error:|Fatal' "$log" | head -n 150
        # A filter that matches nothing passes; a run without a verdict was stopped or crashed.
        [ "${count:-0}" -gt 0 ] || echo "no test of $target ran to a verdict (status $status)"
    fi
    grep -E '(Test run with .*(passed|failed))' "$log" | tail -n 1
    # As the library says it, and as tests say that cancel single cases.
    grep -oE '(Suite|Test) .* skipped(: .*|\.?$)|^skipped: .*' "$log" | sort -u | sed "s/^/  $target: /" >>"$skipped"
done
if [ -s "$skipped" ]; then
    echo "skipped:"
    cat "$skipped"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
