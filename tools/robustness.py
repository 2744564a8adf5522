"""
Try to break the package: ``python tools/robustness.py matrix [--sample 0.1] [--journey NAME ...] [--json FILE]``.

``matrix`` runs every journey of a user through every fault of a hostile server and counts the verdicts; ``torture``
lets each call of the operating system fail; ``kill`` kills the process at these calls and at random times; ``fuzz``
damages the input of every parser; ``cdf`` flips the bits of CDF files of every kind; ``virtual`` asks archives that
never answer, without waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "robustness"), str(ROOT)]


def isolated_home() -> None:
    """Use empty folders for settings and caches, and no display."""
    home = tempfile.mkdtemp(prefix="robustness-")
    for name in ("SUNPY_CONFIGDIR", "SUNPY_DOWNLOADDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        folder = Path(home, name.lower())
        (folder / "astropy").mkdir(parents=True)
        os.environ[name] = str(folder)
    os.environ |= {"MPLBACKEND": "agg", "PARFIVE_HIDE_PROGRESS": "1"}
    for name in ("IMAP_API_KEY", "IMAP_ACCESS_TOKEN", "IMAP_DATA_ACCESS_URL", "IMAP_DATA_DIR"):
        os.environ.pop(name, None)


def matrix(options: argparse.Namespace) -> int:
    import logging

    from journeys import JOURNEYS
    from matrix import BAD, Matrix, cases

    logging.disable(logging.WARNING)
    start, chosen = time.process_time(), cases(options.journey or JOURNEYS, options.sample, options.seed)
    chosen = [one for one in chosen if not options.fault or any(text in one.fault for text in options.fault)]
    with Matrix.running() as found:
        for number, case in enumerate(chosen):
            outcome = found.check(case)
            if outcome.verdict in BAD or options.verbose:
                print(
                    f"{outcome.verdict:>12} {outcome.seconds:6.2f} s  {case}\n{'':14}{outcome.text[:1200]}", flush=True
                )
            if number % 500 == 499:
                print(f"{number + 1} of {len(chosen)}: {dict(found.counts)}", file=sys.stderr, flush=True)
        verdicts = sorted(found.counts)
        print(f"{'journey':26}{'stage':28}{'cases':>7}" + "".join(f"{one:>15}" for one in verdicts))
        for (journey, stage), counts in found.by_stage.items():
            numbers = "".join(f"{counts[one]:>15}" for one in verdicts)
            print(f"{journey:26}{stage:28}{sum(counts.values()):>7}{numbers}")
        numbers = "".join(f"{found.counts[one]:>15}" for one in verdicts)
        print(f"{'all':26}{'':28}{sum(found.counts.values()):>7}{numbers}")
        print(f"{found.seconds:.0f} s, of these {time.process_time() - start:.0f} s CPU")
        report = {"cases": len(chosen), "seconds": round(found.seconds), "verdicts": dict(Counter(found.counts))}
        failures = len(found.failures)
    if options.json:
        Path(options.json).write_text(json.dumps(report))
    return failures


def torture(options: argparse.Namespace) -> int:
    import logging
    import random

    from matrix import Matrix
    from torture import DISK, NETWORK, TWELVE, Torture

    logging.disable(logging.WARNING)
    chosen = random.Random(options.seed)
    with Matrix.running() as found:
        every = Torture(found)
        for name in options.journey or TWELVE:
            found.right_of(name)
            calls = every.count(name)
            for number, kind in enumerate(calls):
                for code in NETWORK[:2] if kind.startswith("socket") else DISK[:2]:
                    if chosen.random() >= options.sample:
                        continue
                    outcome = every.check(name, number, code)
                    if every.failures and every.failures[-1][1] is outcome:
                        print(f"{outcome.verdict:>14} {name} {number}: {outcome.text[:900]}", flush=True)
            print(f"{name:26}{len(calls):>6} calls  {dict(every.by_journey.get(name, {}))}", flush=True)
    print("all", sum(every.counts.values()), dict(every.counts))
    print("kinds", dict(every.kinds))
    if options.json:
        Path(options.json).write_text(json.dumps({"verdicts": every.counts, "kinds": every.kinds}))
    return len(every.failures)


def kill(options: argparse.Namespace) -> int:
    from answers import ROUTES
    from hostile import hostile
    from kills import WRITING
    from kills import kill as kill_each

    bad = 0
    report = {}
    with hostile(ROUTES) as server, tempfile.TemporaryDirectory() as folder:
        tallies = kill_each(server.url, Path(folder), options.each, tuple(options.journey or WRITING), options.seed)
    for name, kinds in tallies.items():
        for kind, tally in kinds.items():
            numbers = {key: value for key, value in vars(tally).items() if key != "details"}
            print(f"{name:26}{kind:8}" + "".join(f"{key:>14}{value:>5}" for key, value in numbers.items()))
            print("".join(f"    {detail}\n" for detail in tally.details[:10]), end="")
            report[f"{name} {kind}"] = numbers
            bad += tally.wrong + tally.not_repaired
    if options.json:
        Path(options.json).write_text(json.dumps(report))
    return bad


def fuzz(options: argparse.Namespace) -> int:
    from parsers import PARSERS, damaged, flips, outcome

    report, bad = {}, 0
    for name in options.parser or PARSERS:
        parser, counts, shown = PARSERS[name], Counter(), 0
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(options.inputs):
                kind, found = outcome(parser, damaged(parser.given, seed), Path(folder))
                counts[kind] += 1
                if kind == "foreign" and (shown := shown + 1) < 6:
                    print(f"    {name}, seed {seed}: {found!r}"[:400])
        tally = flips(parser, max(1, 8 * len(parser.given) // options.bits))
        print("".join(f"    {failure}\n" for failure in tally.failures[:6]), end="")
        print(f"{name:16} inputs {dict(counts)}  bits {dict(tally.counts)}  {tally.seconds:.0f} s", flush=True)
        report[name] = {"inputs": counts, "bits": tally.counts}
        bad += counts["foreign"] + len(tally.failures)
    if options.json:
        Path(options.json).write_text(json.dumps(report))
    return bad


def cdf(options: argparse.Namespace) -> int:
    from cdf_files import KINDS, flipped, given, readings
    from parsers import damaged

    report, bad, counts = {}, 0, Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.cdf")
        for seed in range(options.inputs):
            for kind in options.kind or KINDS:
                path.write_bytes(damaged(given(kind), seed))
                counts.update(readings(path).items())
    for (way, outcome), count in sorted(counts.items()):
        print(f"{count:>8}  {way}: {outcome}"[:300], flush=True)
        bad += count * (outcome not in ("read", "refused"))
    for kind in options.kind or KINDS:
        tally = flipped(kind, max(1, 8 * len(given(kind)) // options.bits) if options.bits else 1)
        print("".join(f"    {failure}\n" for failure in tally.failures[:6]), end="")
        for part, counts in tally.counts.items():
            print(f"{kind:26}{part:22}{sum(counts.values()):>8}  {dict(counts)}", flush=True)
        print(f"{kind:26}{tally.seconds:.0f} s", flush=True)
        report[kind] = tally.counts
        bad += len(tally.failures)
    if options.json:
        Path(options.json).write_text(json.dumps(report))
    return bad


def virtual(options: argparse.Namespace) -> int:
    import warnings

    from test_virtual import QUESTIONS, outcome
    from virtual import BEHAVIOURS, world

    warnings.simplefilter("ignore")
    for behaviour in BEHAVIOURS:
        for name, ask in QUESTIONS.items():
            start = time.perf_counter()
            with world(behaviour) as found:
                one = outcome(ask)
            said = f"{type(one).__name__} of {len(str(one))} characters" if isinstance(one, Exception) else "a result"
            real = time.perf_counter() - start
            print(
                f"{behaviour:12}{name:12}{found.seconds:8.0f} s in {real:5.2f} s, {len(found.log):4} requests, {said}"
            )
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("matrix")
    one.add_argument("--sample", type=float, default=1.0)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--journey", action="append")
    one.add_argument("--fault", action="append")
    one.add_argument("--verbose", action="store_true")
    one.add_argument("--json")
    one.set_defaults(run=matrix)
    one = commands.add_parser("torture")
    one.add_argument("--sample", type=float, default=1.0)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--journey", action="append")
    one.add_argument("--json")
    one.set_defaults(run=torture)
    one = commands.add_parser("kill")
    one.add_argument("--each", type=int, default=50)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--journey", action="append")
    one.add_argument("--json")
    one.set_defaults(run=kill)
    one = commands.add_parser("fuzz")
    one.add_argument("--inputs", type=int, default=5000)
    one.add_argument("--bits", type=int, default=4000)
    one.add_argument("--parser", action="append")
    one.add_argument("--json")
    one.set_defaults(run=fuzz)
    one = commands.add_parser("cdf")
    one.add_argument("--bits", type=int, default=0, help="of each file; 0 for all")
    one.add_argument("--inputs", type=int, default=1500, help="damages of each file")
    one.add_argument("--kind", action="append")
    one.add_argument("--json")
    one.set_defaults(run=cdf)
    commands.add_parser("virtual").set_defaults(run=virtual)
    options = parser.parse_args()
    isolated_home()
    return bool(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
