#include "tui/session/plan_list.h"

#include "base/memory.h"
#include "base/text.h"
#include "plan/plan_kept.h"
#include "tui/session/plan_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill_memory(struct plan_line *line, const struct session *session,
                        const struct plan *plan)
{
    struct training_estimate cost;
    if (!session->model)
        return;
    session_plan_cost(session, plan, &cost);
    line->memory_known = cost.known;
    line->memory = cost.total;
}

/* What a line shows and what comparisons need: which parts of each row train. */
static int fill(struct plan_line *line, const struct session *session, const struct plan *plan,
                struct error *err)
{
    size_t rows = session->scan->count;
    line->parts = array_alloc(rows, 1, err);
    if (!line->parts)
        return -1;
    for (size_t i = 0; i < rows; i++)
        line->parts[i] = plan_end(plan, i) == PLAN_NO_END ? (unsigned char)plan_parts(plan, i) : 0;
    plan_words_put(plan, WORDS_WHOLE, line->words, sizeof line->words);
    plan_words_put(plan, WORDS_BRIEF, line->brief, sizeof line->brief);
    line->embeddings = plan_embeddings(plan);
    line->head = plan_head(plan);
    line->counts = plan_counts(plan);
    fill_memory(line, session, plan);
    return 0;
}

/* One that lies in its file, read over `scratch`; why it cannot be is the line's. */
static int fill_from_file(struct plan_line *line, const struct session *session,
                          struct plan *scratch, struct error *err)
{
    struct error why = ERROR_INIT;
    char *path = plan_shelf_path(&session->keep.shelf, line->name, err);
    int status = path ? plan_read_kept(scratch, path, &why) : -1;
    free(path);
    if (!path)
        return -1;
    if (status == 0)
        return fill(line, session, scratch, err);
    utf8_copy(line->why, sizeof line->why, why.text);
    return 0;
}

/* The open plan's line stands where its name has its place, or last where nothing is written of it.
 */
int plan_list_make(struct plan_list *list, struct session *session, struct error *err)
{
    const struct plan_keep *keep = &session->keep;
    struct plan_entry *entries = NULL;
    struct plan *scratch = NULL;
    size_t count = 0;
    int status = -1, listed = 0;
    bool found = false;
    *list = (struct plan_list){.whole = keep->shelf.folder != NULL};
    session_keep_now(session);
    if (keep->shelf.folder)
        listed = plan_shelf_list(&keep->shelf, &entries, &count, err);
    list->whole = keep->shelf.folder != NULL;
    list->lines = array_alloc(count + 1, sizeof *list->lines, err);
    if (!list->lines || session_fresh_plan(session, &scratch, err) != 0)
        goto out;
    for (size_t i = 0; i <= count; i++) {
        struct plan_line *line = &list->lines[list->count];
        if (i == count && found)
            break;
        snprintf(line->name, sizeof line->name, "%s", i < count ? entries[i].name : keep->name);
        line->changed = i < count ? entries[i].changed : 0;
        line->open = strcmp(line->name, keep->name) == 0;
        found |= line->open;
        list->count++;
        if ((line->open ? fill(line, session, session->plan, err)
                        : fill_from_file(line, session, scratch, err)) != 0)
            goto out;
    }
    status = listed;
out:
    plan_free(scratch);
    free(entries);
    return status;
}

void plan_list_free(struct plan_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->lines[i].parts);
    free(list->lines);
    *list = (struct plan_list){.count = 0};
}

int plan_contrast_row(const struct plan_line *here, const struct plan_line *there, size_t row)
{
    return (here->parts[row] != 0) - (there->parts[row] != 0);
}

/* Of some rows, or of all: how many train in one, in the other, in both. */
struct plan_contrast plan_contrast(const struct scan *scan, const struct plan *plan,
                                   const struct plan_line *here, const struct plan_line *there,
                                   const size_t *rows, size_t count)
{
    struct plan_contrast out = {.known = true};
    for (size_t i = 0; i < (rows ? count : scan->count); i++) {
        size_t row = rows ? rows[i] : i;
        int which = plan_contrast_row(here, there, row);
        if (plan_end(plan, row) != PLAN_NO_END)
            continue;
        out.known &= scan->rows[row].parameters > 0;
        out.both += here->parts[row] && there->parts[row];
        out.here += which > 0;
        out.there += which < 0;
        out.here_parameters += which > 0 ? scan->rows[row].parameters : 0;
        out.there_parameters += which < 0 ? scan->rows[row].parameters : 0;
    }
    return out;
}
