"""The agent of this tree against that of another commit; for scripts/bench --against."""
import math
import shutil
import statistics
import subprocess
import sys

# scheme and number of clients; and the least ratio of throughput that is acceptable
CELLS = [("hmac", 16), ("p256", 16), ("hmac", 1)]
LEAST = 0.97


def median_interval(values):
    """A 95 % confidence interval of the median (a little less if there are fewer than 6 values), by the sign test."""
    values = sorted(values)
    skipped = 0
    while sum(math.comb(len(values), i) for i in range(skipped + 1)) / 2 ** len(values) <= 0.025:
        skipped += 1
    return values[max(skipped - 1, 0)], values[-max(skipped, 1)]


def build_other(bench, root, make, revision):
    """The folder of another commit's tree, built in its `build`."""
    git = ["git", "-C", str(root)]
    if subprocess.run([*git, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], check=False,
                      stdout=subprocess.DEVNULL).returncode != 0:
        raise RuntimeError(f"there is no commit '{revision}' in this repository")
    other = bench.folder / "other"
    other.mkdir()
    # the agent loads no profile that a group may write, which is what git's own mask would make of it
    archive = subprocess.run([*git, "-c", "tar.umask=0022", "archive", "--format=tar", revision], check=True,
                             stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", str(other)], input=archive, check=True)
    print(f"building {revision}", file=sys.stderr, flush=True)
    make(other, other / "build", "all")
    return other


def start_sides(bench, other, is_new_first):
    """{side: (agent, socket)} of this tree and of the other commit's `other`; the other has a copy of the token."""
    env = bench.environment("other-token")
    shutil.rmtree(bench.folder / "other-token/tokens")
    shutil.copytree(bench.folder / "main/tokens", bench.folder / "other-token/tokens")
    sides = [("new", bench.write_configuration("new"), None, None),
             ("old", bench.write_configuration("old", other / "tests/profiles", has_grants=not (other / "policy/period.h").exists()),
              other / "build", env)]
    started = {side: bench.start_agent(*rest) for side, *rest in (sides if is_new_first else reversed(sides))}
    return {side: (agent, sockets[0]) for side, (agent, sockets) in started.items()}


def measure_round(bench, sides, is_new_first, measured, cells=tuple(CELLS)):
    order = ("new", "old", "old", "new") if is_new_first else ("old", "new", "new", "old")
    for scheme, clients in cells:
        runs = {"new": [], "old": []}
        for agent, socket in sides.values():
            bench.ask(bench.load_command(socket, scheme, clients, 0.3), bench.env, agent)
        for side in order:
            agent, socket = sides[side]
            runs[side].append(bench.ask(bench.load_command(socket, scheme, clients, bench.seconds / 2), bench.env, agent))
        measured[scheme, clients].append(runs)


def measure(bench, root, make, revision, rounds):
    """`make` builds a tree. Returns whether every ratio of throughput reaches the target."""
    other = build_other(bench, root, make, revision)
    measured = {cell: [] for cell in CELLS} # for each round, the two runs of each side
    for i in range(rounds):
        measure_round(bench, start_sides(bench, other, i % 2 == 0), i % 2 == 0, measured)
        bench.stop()
        print(f"  round {i + 1} of {rounds}", file=sys.stderr, flush=True)
    return print_table(bench, revision, measured)


def compare(rounds, name):
    """Medians of one figure for both sides, and of their ratio, from the runs of each round."""
    means = [{side: statistics.mean(run[name] for run in runs) for side, runs in one.items()} for one in rounds]
    ratios = [one["new"] / one["old"] for one in means]
    return {"new": statistics.median(one["new"] for one in means),
            "old": statistics.median(one["old"] for one in means),
            "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
            "interval": median_interval(ratios)}


def print_table(bench, revision, measured):
    count = len(next(iter(measured.values())))
    print(f"new (this tree) / old ({revision}), medians of {count} rounds\n"
          f"{'key':<6} {'clients':>7} {'new ops/s':>10} {'old ops/s':>10} {'ops/s':>20} {'noise':>6} {'p50':>20} "
          f"{'CPU':>20}  at least {LEAST}?", file=sys.stderr)
    for (scheme, clients), rounds in measured.items():
        row = {name: compare(rounds, name) for name in ("ops_s", "p50_us", "cpu_us")}
        ratios = ["{ratio:.3f} ({min:.3f}-{max:.3f})".format(**one) for one in row.values()]
        noise = statistics.median(abs(first["ops_s"] / second["ops_s"] - 1)
                                  for one in rounds for first, second in one.values())
        rate = row["ops_s"]
        is_enough = rate["ratio"] >= LEAST
        is_sure = count >= 5 and not rate["interval"][0] < LEAST <= rate["interval"][1]
        verdict = ("yes" if is_enough else "no") + ("" if is_sure else ", unsure")
        bench.rows.append(dict(row, system="against", revision=revision, algorithm=scheme, clients=clients,
                               rounds=count, noise=noise, is_enough=is_enough, is_sure=is_sure))
        print(f"{scheme:<6} {clients:>7} {rate['new']:>10.0f} {rate['old']:>10.0f} {ratios[0]:>20} "
              f"{100 * noise:>4.1f} % {ratios[1]:>20} {ratios[2]:>20}  {verdict}", file=sys.stderr, flush=True)
    return all(row["is_enough"] for row in bench.rows)
