"""One client's latency, on the machine as it is and beside a process that keeps a processor busy; for scripts/bench --busy."""
import pathlib
import random
import statistics
import subprocess
import sys
import time

from against import median_interval

# state of the machine, and the most that Chancery's p50 may be of that of p11-kit's server
MOST = {"idle": 0.8, "busy": 1.25}
SYSTEMS = ["chancery", "p11-kit", "raw"]
BUSY = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-c", "while True: pass"]
FOREIGN_MOST = 0.15  # processors that others may use during a measurement
TRIES = 10
SETTLE_S = 0.2  # until the kernel has found the busy process its place


def start(bench, pin):
    """{system: what Bench.ask takes for one client that signs with the HMAC key}."""
    agent, sockets = bench.start_agent(bench.write_configuration())
    server, client, env = bench.start_p11kit()
    seconds = bench.seconds / 4
    return {"chancery": (bench.load_command(sockets[0], "hmac", 1, seconds), bench.env, agent),
            "p11-kit": (bench.raw_command(client, "hmac", "hmac-sha256", 1, seconds), env, server, pin),
            "raw": (bench.raw_command(bench.module, "hmac", "hmac-sha256", 1, seconds), bench.env, None, pin)}


def machine_seconds():
    """What all processors have worked."""
    user, nice, system, _, _, irq, softirq = map(int, pathlib.Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / 100


def ask(bench, asked, is_busy):
    """The result, and how many processors others used meanwhile."""
    before, began = machine_seconds(), time.monotonic()
    result = bench.ask(*asked)
    elapsed = time.monotonic() - began
    used = machine_seconds() - before - result["cpu_us"] * result["ops"] / 1e6
    return result, used / elapsed - is_busy


def ask_in_quiet(bench, asked, is_busy):
    for _ in range(TRIES):
        result, foreign = ask(bench, asked, is_busy)
        if foreign <= FOREIGN_MOST:
            return dict(result, is_disturbed=False)
    return dict(result, is_disturbed=True)


def measure_state(bench, systems, state, measured):
    hog = subprocess.Popen(BUSY, start_new_session=True) if state == "busy" else None
    try:
        time.sleep(SETTLE_S)
        for system in random.sample(SYSTEMS, len(SYSTEMS)):
            measured[state, system].append(ask_in_quiet(bench, systems[system], hog is not None))
    finally:
        if hog:
            hog.kill()
            hog.wait()


def measure(bench, pin, rounds):
    """Returns whether both medians reach their targets."""
    systems = start(bench, pin)
    measured = {(state, system): [] for state in MOST for system in SYSTEMS}
    for i in range(rounds):
        for state in MOST:
            measure_state(bench, systems, state, measured)
        bench.note(f"round {i + 1} of {rounds}")
    return print_table(bench, measured)


def verdict(state, ratios):
    """For people, and whether the target is reached."""
    least, most = median_interval(ratios)
    is_good = statistics.median(ratios) <= MOST[state]
    is_sure = len(ratios) >= 5 and not least <= MOST[state] < most
    return f"({least:.2f}-{most:.2f})  at most {MOST[state]}: {'yes' if is_good else 'no'}{'' if is_sure else ', unsure'}", is_good


def print_table(bench, measured):
    print(f"{'machine':<8} {'system':<9} {'p50 us':>8} {'p99 us':>8} {'CPU us':>8} {'disturbed':>9} {'of p11-kit':>10}  "
          "(95 % interval)", file=sys.stderr)
    is_all_good = True
    for (state, system), results in measured.items():
        row = {name: statistics.median(one[name] for one in results) for name in ("p50_us", "p99_us", "cpu_us")}
        ratios = [one["p50_us"] / other["p50_us"] for one, other in zip(results, measured[state, "p11-kit"])]
        text, is_good = verdict(state, ratios) if system == "chancery" else ("", True)
        is_all_good = is_all_good and is_good
        disturbed = sum(one["is_disturbed"] for one in results)
        bench.rows.append(dict(row, system=system, state=state, ratio=statistics.median(ratios), disturbed=disturbed,
                               rounds=len(results), clients=1, algorithm="hmac"))
        print(f"{state:<8} {system:<9} {row['p50_us']:>8.1f} {row['p99_us']:>8.1f} {row['cpu_us']:>8.1f} {disturbed:>9} "
              f"{statistics.median(ratios):>10.2f}  {text}", file=sys.stderr, flush=True)
    return is_all_good
