/* The vectors of real clients: vectors [--profiles FOLDER] [--profile FILE] [--convert] FILE...
 *
 * Prints a line for each vector: "ok"; "refused" for one that the agent refuses as ambiguous, as it must, and whose
 * plain twin comes out; or "FAIL" and what differs. The last line is "N passed, N failed"; those refused passed. The
 * profile of a file is the one of its name (README.md); --profile names one for all. --convert prints one file instead,
 * with what the agent is asked written into each vector, so that nothing is guessed any more. */
#include "tests/vectors/vectors.h"
#include "exchange/load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    const char *profiles;
    const char *profile;
    bool converts;
} options;

typedef struct counts {
    size_t passed;
    size_t refused;
    size_t ms_for_s;
    size_t failed;
} counts;

/* What the files of one profile share. */
typedef struct bench {
    ch_profile *profile;
    ch_scratch *scratch;
    ch_draft *draft;
} bench;

/* ---- which profile ---- */

/* clang-format off */
static const struct {
    const char *client;
    const char *profile;
} renamed[] = {
    /* client's name      profile */
    { "binanceusdm",      "binance"           },
    { "binancecoinm",     "binance"           },
    { "coinbaseexchange", "coinbase-exchange" },
    { "krakenfutures",    "kraken-futures"    },
    { "kucoinfutures",    "kucoin"            },
};
/* clang-format on */

/* Writes the file's name without folder, "extra-" and ".json" to `out`. */
static void write_stem(const char *path, ch_buffer *out)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (strncmp(name, "extra-", 6) == 0)
        name += 6;
    const char *end = strstr(name, ".json");
    ch_buffer_add(out, name, end == NULL ? strlen(name) : (size_t)(end - name));
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++) {
        if (strcmp(ch_buffer_text(out), renamed[i].client) == 0) {
            ch_buffer_clear(out);
            ch_buffer_add_text(out, renamed[i].profile);
        }
    }
}

/* Finds NAME.yaml for NAME.json, NAME.ANYTHING.json and NAME-ANYTHING.json: the longest that there is. */
static ch_status find_profile(const options *chosen, const char *path, ch_buffer *out, ch_error *err)
{
    ch_autobuffer stem = CH_BUFFER_INIT;
    write_stem(path, &stem);
    while (stem.size > 0) {
        ch_buffer_clear(out);
        ch_buffer_add_format(out, "%s/%s.yaml", chosen->profiles, ch_buffer_text(&stem));
        if (access(ch_buffer_text(out), R_OK) == 0)
            return CH_OK;
        while (stem.size > 0 && strchr("-.", stem.data[stem.size - 1]) == NULL)
            stem.size--;
        stem.size -= stem.size > 0;
    }
    return ch_fail(err, CH_NOT_FOUND, "%s has no profile for %s; name one with --profile", chosen->profiles, path);
}

static ch_status set_up(const options *chosen, const char *path, bench *out, ch_error *err)
{
    ch_autobuffer file = CH_BUFFER_INIT;
    if (chosen->profile != NULL)
        ch_buffer_add_text(&file, chosen->profile);
    else
        CH_TRY(find_profile(chosen, path, &file, err));
    CH_TRY(ch_profile_load_any(ch_buffer_text(&file), &out->profile, err));
    out->scratch = ch_scratch_new();
    out->draft = ch_draft_new(out->scratch);
    return CH_OK;
}

static void tear_down(bench *with)
{
    ch_draft_free(with->draft);
    ch_scratch_free(with->scratch);
    ch_profile_free(with->profile);
}

/* ---- one vector ---- */

static void print_line(const char *word, const json_t *vector, const char *note, const char *why)
{
    printf("%-8s%s %s", word, text_of(vector, "method"), text_of(vector, "path"));
    if (note != NULL)
        printf(" (%s)", note);
    printf("%s%s\n", *why == '\0' ? "" : ": ", why);
}

static void check_one(const vector_file *file, const bench *with, const json_t *vector, counts *total)
{
    ch_error err = CH_ERROR_INIT;
    outcome came;
    if (vector_check(file, vector, with->profile, with->draft, &came, &err) != CH_OK) {
        total->failed++;
        print_line("FAIL", vector, came.note, err.message);
    } else {
        total->passed++;
        total->refused += came.is_refused;
        total->ms_for_s += came.has_ms_for_s;
        print_line(came.is_refused ? "refused" : "ok", vector, came.note, came.refusal.message);
    }
    outcome_free(&came);
}

static ch_status convert_one(const vector_file *file, const bench *with, json_t *vector, ch_error *err)
{
    outcome came;
    json_object_del(vector, "asked");
    ch_status st = vector_check(file, vector, with->profile, with->draft, &came, err);
    if (st != CH_OK)
        return ch_error_wrap(err, "%s %s", text_of(vector, "method"), text_of(vector, "path"));
    const target *at = &came.target;
    json_t *named = json_pack("{s:s s:s% s:s% s:O}", "scheme", came.scheme, "host", at->host.data, at->host.size,
                              "path", at->path.data, at->path.size, "params", came.params);
    if (came.has_ms_for_s)
        json_object_set_new(named, "has_ms_for_s", json_true());
    if (came.is_refused)
        json_object_set_new(named, "is_refused", json_true());
    json_object_set_new(vector, "asked", named);
    outcome_free(&came);
    return CH_OK;
}

/* ---- a file ---- */

static ch_status run_file(const options *chosen, const vector_file *file, const bench *with, counts *total,
                          ch_error *err)
{
    size_t i;
    json_t *vector;
    json_array_foreach(file->list, i, vector)
    {
        if (chosen->converts)
            CH_TRY(convert_one(file, with, vector, err));
        else
            check_one(file, with, vector, total);
    }
    if (chosen->converts && json_dumpf(file->root, stdout, JSON_INDENT(1)) == 0)
        printf("\n");
    return CH_OK;
}

static ch_status run(const options *chosen, const char *path, counts *total, ch_error *err)
{
    vector_file file;
    bench with = {.profile = NULL};
    if (!chosen->converts)
        printf("%s\n", path);
    ch_status st = file_load(path, &file, err);
    if (st == CH_OK)
        st = set_up(chosen, path, &with, err);
    if (st == CH_OK)
        st = run_file(chosen, &file, &with, total, err);
    tear_down(&with);
    file_free(&file);
    return st;
}

static bool read_options(int argc, char **argv, options *out)
{
    static const struct option known[] = {
        {"profiles", required_argument, NULL, 'd'},
        {"profile",  required_argument, NULL, 'f'},
        {"convert",  no_argument,       NULL, 'c'},
        {NULL,       0,                 NULL, 0  },
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'd')
            out->profiles = optarg;
        else if (option == 'f')
            out->profile = optarg;
        else if (option == 'c')
            out->converts = true;
        else
            return false;
    }
    return argc > optind && (!out->converts || argc == optind + 1);
}

int main(int argc, char **argv)
{
    options chosen = {.profiles = "profiles"};
    counts total = {0};
    if (!read_options(argc, argv, &chosen)) {
        fprintf(stderr, "usage: vectors [--profiles FOLDER] [--profile FILE] [--convert] FILE...\n");
        return 2;
    }
    for (int i = optind; i < argc; i++) {
        ch_error err = CH_ERROR_INIT;
        if (run(&chosen, argv[i], &total, &err) != CH_OK) {
            fprintf(stderr, "vectors: %s\n", err.message);
            return 2;
        }
    }
    if (!chosen.converts) {
        printf(
            "%zu refused as ambiguous, and their plain twins come out; %zu of a clock with milliseconds for seconds\n",
            total.refused, total.ms_for_s);
        printf("%zu passed, %zu failed\n", total.passed, total.failed);
    }
    return total.failed == 0 ? 0 : 1;
}
