"""The structure of the code is what scripts/arrows, the Makefile and docs/architecture.md say, and each of them notices
if it is not."""

import contextlib
import functools
import pathlib
import re
import subprocess
import tempfile
import unittest

import tree
from harness import BUILD, ROOT
from tree import folders, make_says

MAP = ROOT / "docs" / "architecture.md"


def library(folder):
    return BUILD / f"lib{folder.replace('/', '-')}.a"


@functools.cache
def symbols(program):
    """The functions and variables of ours that a library or a program defines."""
    out = subprocess.run(["nm", "--defined-only", "--extern-only", program], capture_output=True, text=True, check=True)
    return set(re.findall(r" [TDBR] (ch_\w+)$", out.stdout, re.MULTILINE))


class Planted(unittest.TestCase):
    """What is planted in a copy of the tree, and what scripts/arrows says about it."""

    @classmethod
    def setUpClass(cls):
        cls.root = tree.copy(cls)
        cls.before = tree.violations(cls.root)

    @contextlib.contextmanager
    def planted(self, texts):
        """Files with other texts, {path: text}, for as long as it lasts."""
        files = {self.root / path: text for path, text in texts.items()}
        old = {path: path.read_text() if path.exists() else None for path in files}
        for path, text in files.items():
            path.write_text(text)
        try:
            yield
        finally:
            for path, text in old.items():
                path.unlink() if text is None else path.write_text(text)

    def found(self, texts):
        """What scripts/arrows says of the planted texts, {path: text}, and did not say before."""
        with self.planted(texts):
            return sorted(tree.violations(self.root) - self.before)

    def with_include(self, path, header):
        """The text of a file with one more include, and the include's line."""
        lines = (self.root / path).read_text().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if line.startswith("#include"))
        return "".join([*lines[: at + 1], f"#include {header}\n", *lines[at + 1 :]]), at + 2

    def test_the_tree_passes(self):
        self.assertEqual(self.before, set())

    def test_an_arrow_that_is_not_allowed(self):
        for path, header in (
            ("agent/front/front.c", "policy/policy.h"),
            ("agent/front/front.c", "pkcs11/mechanism.h"),
            ("base/error.h", "wire/frame.h"),
            ("policy/policy.c", "state/nonces.h"),
            ("agent/core/core.c", "agent/front/front.h"),
            ("cli/main.c", "agent/spawn.h"),
            ("tests/unit/base/test_slots.c", "policy/policy.h"),
        ):
            with self.subTest(path=path, header=header):
                text, line = self.with_include(path, f'"{header}"')
                folder = path.rpartition("/")[0]
                found = self.found({path: text})
                self.assertTrue(any(one.startswith(f"{path}:{line}: {folder} may not include {header}; its row in the "
                                                   "Makefile allows ") for one in found), found)

    def test_a_header_that_is_open_to_fewer(self):
        for path, header in (("policy/policy.c", "pkcs11/token.h"), ("policy/policy.c", "exchange/profile_impl.h")):
            with self.subTest(path=path, header=header):
                text, line = self.with_include(path, f'"{header}"')
                found = self.found({path: text})
                self.assertTrue(any(one.startswith(f"{path}:{line}: policy may not include {header}: only ")
                                    for one in found), found)

    def test_what_the_files_of_one_room_share(self):
        """Any NAME_impl.h: for NAME*.c of its folder and for their unit tests, for nobody else."""
        header = "agent/core/request_impl.h"
        use = "int ch_left = sizeof ch_step_count;\n"
        for path in ("agent/core/status.c", "agent/core/jobs.h", "tests/unit/base/test_slots.c", "tests/fuzz/core.c"):
            with self.subTest(path=path):
                text, line = self.with_include(path, f'"{header}"')
                self.assertIn(f"{path}:{line}: {path.rpartition('/')[0]} may not include {header}: only the files "
                              "request*.c of agent/core/ know what is in it", self.found({path: text + use}))
        path = "tests/unit/agent/core/test_status.c"
        self.assertEqual(self.found({path: self.with_include(path, f'"{header}"')[0] + use}), [])

    def test_a_header_of_ours_in_angle_brackets(self):
        text, line = self.with_include("agent/front/front.c", "<policy/policy.h>")
        self.assertIn(f"agent/front/front.c:{line}: policy/policy.h is ours, so it is included in quotes",
                      self.found({"agent/front/front.c": text}))

    def test_an_include_in_another_form(self):
        """An include that a search for includes could miss; of those that can be read, the arrow is reported too."""
        path = "agent/front/front.c"
        forms = ('#include"policy/decide.h"', '# include "policy/decide.h"', '#  include "policy/decide.h"',
                        ' #include "policy/decide.h"', '#include  "policy/decide.h"', '#include\t"policy/decide.h"',
                        '#include \\\n"policy/decide.h"', '#inc\\\nlude "policy/decide.h"', '#\\\ninclude "policy/decide.h"',
                        '#/**/include "policy/decide.h"', '#include /*\n*/ "policy/decide.h"', '%:include "policy/decide.h"',
                        '#include_next "policy/decide.h"', '#import "policy/decide.h"', '#include " policy/decide.h"',
                        '#define HIDDEN "policy/decide.h"\n#include HIDDEN', "#include HIDDEN(policy/decide.h)")
        text = (self.root / path).read_text().rstrip("\n") + "\n"
        found = self.found({path: text + "\n".join(forms) + "\n"})
        line = text.count("\n") + 1
        for written in forms:
            with self.subTest(written=written):
                self.assertIn(f'{path}:{line + written.startswith("#define")}: an include is written '
                              '#include "folder/name.h" or #include <name.h>', found)
            line += written.count("\n") + 1

    def test_a_path_that_does_not_start_at_the_root(self):
        path = "agent/front/front.c"
        headers = ("front.h", "../core/core.h", "policy/../policy/policy.h", "policy//policy.h", "stdio.h", "front.inc")
        text = (self.root / path).read_text().rstrip("\n") + "\n"
        found = self.found({path: text + "".join(f'#include "{header}"\n' for header in headers)})
        for line, header in enumerate(headers, text.count("\n") + 1):
            with self.subTest(header=header):
                self.assertIn(f"{path}:{line}: there is no {header}; the path starts at the root of the tree", found)

    def test_a_c_file_that_is_included(self):
        text, line = self.with_include("agent/core/jobs.c", '"agent/core/request.c"')
        self.assertIn(f"agent/core/jobs.c:{line}: agent/core/request.c is included; what others need is in a header",
                      self.found({"agent/core/jobs.c": text}))

    def test_a_header_of_the_system_that_is_not_known(self):
        text, line = self.with_include("base/slots.c", "<sys/fanotify.h>")
        self.assertEqual(self.found({"base/slots.c": text}), [
            f"base/slots.c:{line}: <sys/fanotify.h> is not known; scripts/csource.py needs a row that says which names it "
            "is included for"])

    def test_a_row_of_the_makefile_that_lacks_a_folder(self):
        text = (self.root / "Makefile").read_text()
        row = re.search(r"(?m)^links_policy .*$", text)[0]
        self.assertEqual(self.found({"Makefile": text.replace(row, row.replace(" conf", ""))})[0],
                         "Makefile:1: links_policy names exchange, and must name conf, which exchange uses")

    def test_a_row_of_the_makefile_that_is_wider_than_it_need_be(self):
        text = (self.root / "Makefile").read_text()
        row = re.search(r"(?m)^links_agent/front .*$", text)[0]
        for added in ("policy exchange conf pkcs11", "pkcs11"):
            with self.subTest(added=added):
                self.assertEqual(self.found({"Makefile": text.replace(row, f"{row} {added}")}), sorted(
                    f"Makefile:1: links_agent/front names {one}, which agent/front does not use" for one in added.split()))

    def test_a_row_of_the_makefile_that_is_changed_elsewhere(self):
        text = (self.root / "Makefile").read_text()
        for line in ("links_agent/front += policy", "override links_agent/front = base", "x := 1\n  links_agent/front ?=",
                     "$(eval links_agent/front += policy)"):
            with self.subTest(line=line):
                self.assertEqual(self.found({"Makefile": f"{text}\n{line}\n"}),
                                 ["Makefile:1: links_agent/front is set where it is not a row of the table"])

    def test_a_wider_row_is_not_what_the_map_says(self):
        """Whoever widens a row must change docs/architecture.md, even if the folder makes use of it."""
        text = (self.root / "Makefile").read_text()
        row = re.search(r"(?m)^links_agent/front .*$", text)[0]
        self.assertIn(tree.graph(self.root), MAP.read_text())
        with self.planted({"Makefile": text.replace(row, f"{row} policy exchange conf pkcs11")}):
            self.assertNotIn(tree.graph(self.root), MAP.read_text())

    def test_a_circle_of_headers(self):
        found = self.found({
            "base/left.h": '#include "base/right.h"\ntypedef struct ch_left { ch_right *one; } ch_left;\n',
            "base/right.h": '#include "base/left.h"\ntypedef struct ch_right { ch_left *one; } ch_right;\n',
        })
        self.assertEqual(found, [
            "base/left.h:1: rooms include each other in a circle: base/left -> base/right -> base/left"])

    def test_a_circle_of_rooms_whose_headers_do_not_include_each_other(self):
        found = self.found({
            "base/left.h": "void ch_left(void);\n",
            "base/left.c": '#include "base/left.h"\n#include "base/right.h"\nint left = sizeof ch_right;\n',
            "base/right.h": "void ch_right(void);\n",
            "base/right.c": '#include "base/right.h"\n#include "base/left.h"\nint right = sizeof ch_left;\n',
        })
        self.assertEqual(found, [
            "base/left.c:2: rooms include each other in a circle: base/left -> base/right -> base/left"])

    def test_files_that_share_a_header_of_their_own_are_one_room(self):
        """left.c, its private header and a second file that the private header speaks for."""
        room = {
            "base/left.h": "typedef struct ch_left ch_left;\n",
            "base/left_impl.h": '#include "base/left.h"\n/* left_more.c */\nint ch_more(ch_left *left);\n',
            "base/left.c": '#include "base/left.h"\n#include "base/left_impl.h"\nint left = sizeof ch_more;\n',
            "base/left_more.c": '#include "base/left_impl.h"\nint ch_more(ch_left *left);\n',
        }
        self.assertEqual(self.found(room), [])
        room["base/right.h"] = '#include "base/left.h"\nint ch_right(ch_left *left);\n'
        room["base/left_more.c"] = '#include "base/left_impl.h"\n#include "base/right.h"\nint i = sizeof ch_right;\n'
        found = self.found(room)
        self.assertEqual(found, [
            "base/left_more.c:2: rooms include each other in a circle: base/left -> base/right -> base/left"])

    def test_an_unused_include(self):
        for header in ('"base/clock.h"', "<sqlite3.h>", "<dlfcn.h>"):
            with self.subTest(header=header):
                text, line = self.with_include("base/slots.c", header)
                self.assertEqual(self.found({"base/slots.c": text}),
                                 [f"base/slots.c:{line}: {header[1:-1]} is included and not used"])

    def test_an_include_that_only_a_comment_uses(self):
        text = '#include "base/slots.h"\n/* ch_slots */\nvoid ch_left(const char *text);\n'
        self.assertEqual(self.found({"base/left.h": text}), ["base/left.h:1: base/slots.h is included and not used"])

    def test_names_of_every_kind_are_declared(self):
        text = """
            #define CH_MACRO 1
            #define CH_CALL(x) (x)
            typedef struct ch_opaque ch_opaque;
            typedef struct ch_shown { int member[CH_MACRO]; } ch_shown;
            typedef enum { CH_ONE, CH_TWO = 2, } ch_number;
            typedef void (*ch_callback)(void *context);
            extern const char ch_variable[];
            CH_CHECKED int ch_function(int (*callback)(void *), int other) CH_PRINTF(1, 2);
            static inline int ch_inline(void) { return ch_function(NULL, CH_LOCAL); }
            struct ch_tag { struct ch_inner { int x; } inner; };
        """
        declared = ("CH_MACRO CH_CALL ch_opaque ch_shown CH_ONE CH_TWO ch_number ch_callback ch_variable ch_function "
                    "ch_inline ch_tag ch_inner").split()
        others = "member callback context CH_CHECKED CH_PRINTF CH_LOCAL".split()
        users = {f"base/user{i}.h": f'#include "base/left.h"\n#define CH_USER {name}\n'
                 for i, name in enumerate(declared + others)}
        unused = [f"base/user{i}.h:1: base/left.h is included and not used" for i in range(len(declared), len(users))]
        self.assertEqual(self.found({"base/left.h": text, **users}), sorted(unused))

    def test_names_that_are_made_from_a_list_are_declared(self):
        lists = {
            "base/left.def": "KIND(COLD)\nKIND(WARM)\n",
            "base/left.h": '#define KIND(name) CH_KIND_##name,\nenum {\n#include "base/left.def"\n};\n',
        }
        for name, expected in (("CH_KIND_WARM", []),
                               ("CH_KIND_WET", ["base/right.h:1: base/left.h is included and not used"])):
            with self.subTest(name=name):
                text = f'#include "base/left.h"\nenum {{ CH_RIGHT = {name} }};\n'
                self.assertEqual(self.found({**lists, "base/right.h": text}), expected)

    def test_a_name_of_another_folder_that_comes_by_way_of_a_header(self):
        found = self.found({
            "policy/left.h": '#include "exchange/profile.h"\ntypedef struct ch_left { ch_profile *one; } ch_left;\n',
            "policy/right.h": '#include "policy/left.h"\nvoid ch_right(ch_left *left, ch_profile *profile);\n',
        })
        self.assertEqual(found, ["policy/right.h:2: ch_profile is used, but exchange/profile.h is included only by way "
                                 "of another header"])

    def test_a_c_file_without_a_header(self):
        found = self.found({"wire/left.c": "int ch_left(void);\n"})
        self.assertEqual(found, ["wire/left.c:1: there is no wire/left.h, and no header of wire/ that it includes "
                                 "names left.c in a comment"])

    def test_a_comment_that_names_a_file_that_is_gone(self):
        found = self.found({"base/left.h": "/* As in\n * base/gone.c. */\nvoid ch_left(void);\n"})
        self.assertEqual(found, ["base/left.h:2: the comment names base/gone.c, which does not exist"])

    def test_a_file_that_is_too_long(self):
        self.assertEqual(self.found({"base/left.h": "\n" * 500}), [])
        self.assertEqual(self.found({"base/left.h": "\n" * 501}),
                         ["base/left.h:501: it has 501 lines; a file has at most 500"])

    def test_a_function_that_is_too_long(self):
        begin = "static inline void ch_left(int one,\n        int two)\n{\n"
        self.assertEqual(self.found({"base/left.h": begin + "    one += two;\n" * 40 + "}\n"}), [])
        self.assertEqual(self.found({"base/left.h": begin + "    one += two;\n" * 41 + "}\n"}),
                         ["base/left.h:1: ch_left has 41 lines; a function has at most 40"])

    def test_a_function_that_is_too_long_in_another_layout(self):
        layouts = (("static int ch_left(int one, int two) {\n", "}"),
                   ("static int ch_left(int one, int two)\n  {\n", "  }"),
                   ("static int\nch_left(int one, int two) { one = 0;\n", "one--; }"),
                   ("static int ch_left(one, two) int one; int two;\n{\n", "} int other;"),
                   ("static __attribute__((unused)) int ch_left(int one, int two) <%\n", "%>"),
                   ("static int ch_left(int one, int two)\n{\n#define CH_OPEN x\n", "}"),
                   ("static int ch_left(int one, int two)\n{ /* { */ char brace = '{';\n", "}"),
                   ("static int before = 1; static int ch_left(int one, int two) {\n{\n", "}\n}"))
        found = self.found({f"base/left{i}.h": begin + "    one += two;\n" * 41 + end + "\n"
                            for i, (begin, end) in enumerate(layouts)})
        self.assertEqual(len(found), len(layouts), found)
        for i, (begin, _) in enumerate(layouts):
            with self.subTest(begin=begin):
                self.assertRegex(found[i], rf"base/left{i}.h:[12]: [\w ]+ has 4[1-4] lines; a function has at most 40")

    def test_a_macro_that_is_too_long(self):
        begin = "static inline void ch_left(void);\n#define CH_BIG(x) \\\n"
        self.assertEqual(self.found({"base/left.h": begin + "    x; \\\n" * 38 + "    x\n"}), [])
        self.assertEqual(self.found({"base/left.h": begin + "    x; \\\n" * 39 + "    x\n"}),
                         ["base/left.h:2: CH_BIG has 41 lines; a macro has at most 40"])

    def test_what_could_hide_a_function_from_the_count(self):
        texts = (
            ("#define CH_BEGIN(name) void name(void) {\n", "1: a brace without a partner; the functions cannot be counted"),
            ("void ch_left(void)\n{\n", "2: a brace without a partner; the functions cannot be counted"),
            ("void ch_left(void);\n}\n", "2: a brace without a partner; the functions cannot be counted"),
            ("/* clang-format off */\nstatic void ch_left(void) { }\n/* clang-format on */\n",
             "2: ch_left stands where clang-format is off"),
        )
        self.assertEqual(self.found({f"base/left{i}.h": text for i, (text, _) in enumerate(texts)}),
                         [f"base/left{i}.h:{reason}" for i, (_, reason) in enumerate(texts)])
        text = "/* clang-format off */\nextern int ch_row;\n/* clang-format on */\nstatic inline void ch_left(void) { }\n"
        self.assertEqual(self.found({"base/left.h": text}), [])


class Linker(unittest.TestCase):
    def test_a_front_that_uses_policy_does_not_link(self):
        function = sorted(symbols(library("policy")))[0]
        with tempfile.TemporaryDirectory(prefix="chancery-structure.") as folder:
            source = pathlib.Path(folder) / "main.c"
            source.write_text(f"void {function}(void);\nint main(void)\n{{\n    {function}();\n    return 0;\n}}\n")
            errors = {}
            for role in ("agent/front", "agent/core"):
                libraries = make_says(f"$(call libraries,{role}) $(call libs,{role})")
                self.assertIn(str(library("wire")), libraries)
                done = subprocess.run(["gcc", "-pie", "-o", source.with_suffix(""), source, *libraries],
                                      capture_output=True, text=True, check=False)
                errors[role] = done.stderr
        self.assertIn(f"undefined reference to `{function}'", errors["agent/front"])
        # With core's libraries the same program finds it; what else a build with sanitizers lacks is another matter.
        self.assertNotIn(f"undefined reference to `{function}'", errors["agent/core"])

    def test_a_role_holds_nothing_of_the_folders_that_it_may_not_use(self):
        programs = make_says("$(foreach program,$(PROGRAMS),$(program)=$(main_$(program)))")
        for program, folder in (one.split("=") for one in programs):
            allowed = make_says(f"$(links_{folder})")
            own = set().union(*(symbols(library(one)) for one in allowed))
            self.assertGreater(len(symbols(BUILD / program) & own), 10, program)
            for other in folders():
                with self.subTest(program=program, folder=other):
                    if other not in allowed:
                        self.assertEqual(symbols(BUILD / program) & (symbols(library(other)) - own), set())


class Map(unittest.TestCase):
    """docs/architecture.md has a row "| `folder/` | ..." for each folder; a row names rooms and files in backticks."""

    @classmethod
    def setUpClass(cls):
        cls.text = MAP.read_text()
        cls.rows = re.findall(r"(?m)^\| *`([\w/.-]+)/` *\|(.*)$", cls.text)

    def test_every_folder_has_a_row(self):
        named = {folder for folder, _ in self.rows}
        here = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "build"))}
        self.assertEqual(sorted((here | set(folders())) - named), [])

    def test_every_folder_that_has_a_row_exists(self):
        self.assertEqual([folder for folder, _ in self.rows if not (ROOT / folder).is_dir()], [])

    def test_every_room_that_a_row_names_exists(self):
        rooms = [(folder, room) for folder, text in self.rows for room in re.findall(r"`([a-z][\w./-]*)`", text)]
        self.assertGreater(len(rooms), 20)
        self.assertEqual([one for one in rooms if not self.exists(*one)], [])

    @staticmethod
    def exists(folder, room):
        return any((parent / (room + suffix)).exists()
                   for parent in (ROOT / folder, ROOT) for suffix in ("", ".h", ".c", ".def", ".py"))

    def test_every_room_has_a_place_in_the_map(self):
        rows = dict(self.rows)
        for folder in folders():
            for header in sorted(set((ROOT / folder).glob("*.h")) - set((ROOT / folder).glob("*_impl.h"))):
                with self.subTest(header=str(header.relative_to(ROOT))):
                    self.assertRegex(rows.get(folder, ""), rf"`(?:{folder}/)?{header.stem}(?:\.h)?`")

    def test_the_arrows_are_those_of_the_code(self):
        self.assertIn(tree.graph(ROOT), self.text)


if __name__ == "__main__":
    unittest.main()
