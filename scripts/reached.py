"""What the tests of a build with COVERAGE=1 reached, by folder; for scripts/test --coverage."""
import collections
import json
import pathlib
import subprocess


def environment(counts):
    """For the tests: each program keeps its counts in a file of its own there, from its start on (%c), so that those of a
    process that is killed are kept too."""
    return {"LLVM_PROFILE_FILE": f"{counts}/%m%c.profraw"}


def programs(build):
    """The programs of a build, without those of its tests that hold only code that others hold too."""
    return [str(path) for path in sorted(pathlib.Path(build).rglob("*"))
            if path.is_file() and path.stat().st_mode & 0o111 and not path.suffix]


def count_lines(build, counts):
    """(lines, lines reached) of each source file."""
    merged = f"{counts}/all.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", *map(str, pathlib.Path(counts).glob("*.profraw")), "-o", merged],
                   check=True)
    first, *others = programs(build)
    command = ["llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", first]
    for program in others:
        command += ["-object", program]
    done = subprocess.run(command, capture_output=True, check=True)
    files = json.loads(done.stdout)["data"][0]["files"]
    return {file["filename"]: (file["summary"]["lines"]["count"], file["summary"]["lines"]["covered"]) for file in files}


def folder_of(path, folders):
    top = path.parts[0]
    if top not in folders:
        return None
    return str(path.parent) if top == "agent" else top


def table(root, build, counts, folders):
    """Lines, lines reached, and the share, for each folder; then the files that were reached least."""
    by_folder = collections.defaultdict(lambda: [0, 0])
    share = {}
    for name, (lines, reached) in count_lines(build, counts).items():
        path = pathlib.Path(name)
        path = path.relative_to(root) if path.is_relative_to(root) else path
        folder = folder_of(path, folders)
        if folder is None or lines == 0:
            continue
        for row in (folder, "all"):
            by_folder[row][0] += lines
            by_folder[row][1] += reached
        share[str(path)] = 100 * reached / lines
    rows = [f"{'folder':<16}{'lines':>8}{'reached':>9}{'share':>9}"]
    for folder in sorted(by_folder, key=lambda name: (name == "all", name)):
        lines, reached = by_folder[folder]
        rows.append(f"{folder:<16}{lines:>8}{reached:>9}{100 * reached / lines:>8.1f}%")
    rows.append("least reached: " + ", ".join(f"{path} {share[path]:.0f}%" for path in sorted(share, key=share.get)[:10]))
    return "\n".join(rows)
