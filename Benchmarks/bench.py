#!/usr/bin/env python3
"""Measures the suite and its peers on this machine, in turn, and writes results.json beside this file.

    make bench                 everything
    make bench ROUNDS=3        fewer rounds
    python3 Benchmarks/bench.py --only read,book

A figure is the median of its rounds. A peer that cannot be installed is printed as missing, never as a win.
"""
import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile

from harness import Suite, machine
from peers import Monolith, Sidekiq
from provider import Provider
from rows import ROWS

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results.json")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="names of rows, separated by commas")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "5")))
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SECONDS_EACH", "6")))
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else None

    results = {"machine": machine(), "rows": []}
    with tempfile.TemporaryDirectory(prefix="polyclinic-bench-") as home:
        os.chmod(home, 0o755)
        with Suite(home) as suite, Provider() as suite.provider, Monolith(suite) as monolith, Sidekiq(suite) as sidekiq:
            for row in ROWS:
                if wanted and row.name not in wanted:
                    continue
                results["rows"].append(measure(row, suite, monolith, sidekiq, options))
    print_table(results)
    keep(results)
    return 0 if all("error" not in row for row in results["rows"]) else 1


def keep(results: dict) -> None:
    """Rows that were measured take the place of theirs in the file; the others stay, each with its day and rounds."""
    with open(RESULTS) as file:
        rows = {row["name"]: row for row in json.load(file)["rows"]}
    rows.update({row["name"]: row for row in results["rows"] if "error" not in row})
    kept = {"machine": results["machine"], "rows": [rows[row.name] for row in ROWS if row.name in rows]}
    with open(RESULTS, "w") as file:
        json.dump(kept, file, indent=2)
        file.write("\n")


def measure(row, suite, monolith, sidekiq, options) -> dict:
    print(f"· {row.name}", file=sys.stderr, flush=True)
    ours, theirs = [], []
    try:
        for _ in range(row.rounds or options.rounds):
            ours.append(row.ours(suite, options.seconds))
            if row.peer:
                figure = row.peer(monolith, sidekiq, options.seconds)
                if figure is not None:
                    theirs.append(figure)
    except Exception as error:  # a row that fails is shown as failed, the others are still measured
        return {"name": row.name, "what": row.what, "target": row.target, "error": f"{type(error).__name__}: {error}"}
    result = {"name": row.name, "what": row.what, "target": row.target, "ours": medians(ours)}
    result["peer"] = medians(theirs) if theirs else ("missing" if row.peer else None)
    return result | {"on": datetime.date.today().isoformat(), "rounds": len(ours)}


def medians(rounds: list[dict]) -> dict:
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def show(figures) -> str:
    if figures is None:
        return "–"
    if isinstance(figures, str):
        return figures
    return ", ".join(f"{key} {value:,.2f}" if value < 100 else f"{key} {value:,.0f}" for key, value in figures.items())


def print_table(results: dict) -> None:
    print(f"\n{results['machine']}\n")
    print("| what | ours | peer | target |\n| --- | --- | --- | --- |")
    for row in results["rows"]:
        ours = row.get("error") or show(row["ours"])
        print(f"| {row['what']} | {ours} | {show(row.get('peer'))} | {row['target']} |")


if __name__ == "__main__":
    sys.exit(main())
