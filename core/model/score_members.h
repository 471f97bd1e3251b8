/* Members of a scan's JSON: each is taken whole, or refused by its name and that of what it is a
 * member of. One that is absent or null leaves what is there. Internal to core/model. */
#ifndef SPECTRUM_MODEL_SCORE_MEMBERS_H
#define SPECTRUM_MODEL_SCORE_MEMBERS_H

#include "base/error.h"
#include "base/json.h"
#include "model/score_table.h"

enum { SCAN_NAME_MAX = 512 };

/* Sums of as many of them as a file may have fit into 63 bits. */
#define SCAN_PARAMETERS_MAX (INT64_C(1) << 42)

/* What is being read, for messages: a file, and in it `what` of a name: module "a.0.q", "model". */
struct scan_member {
    const cJSON *object;
    const char *where, *what, *name; /* name: NULL, or "" where there is none */
    struct error *err;
};

bool scan_has(const struct scan_member *at, const char *key);
bool scan_is_name(const char *text);

/* -1: "FILE: module "a.0.q": "rows" is "x", and must be ...". */
int scan_refuse(const struct scan_member *at, const char *key, const char *must);
/* The same of a member that is not there. */
int scan_miss(const struct scan_member *at, const char *key);

/* 0, or -1 with an error. */
int scan_take_flag(const struct scan_member *at, const char *key, bool *out);
int scan_take_whole(const struct scan_member *at, const char *key, int64_t low, int64_t high,
                    int64_t *out);
/* A number; null with "<key>_kind" beside it; or the text that some writers make of Infinity. */
int scan_take_number(const struct scan_member *at, const char *key, double *out);
/* A text to be shown: made safe, and cut to the size. */
int scan_take_text(const struct scan_member *at, const char *key, char *out, size_t size);
/* A name that a plan may write: newly allocated; one that is there stays. */
int scan_take_name(const struct scan_member *at, const char *key, char **out);

#endif
