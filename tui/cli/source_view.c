#include "tui/cli/source_view.h"

#include "base/decimal.h"
#include "base/text.h"
#include "job/added_tokens.h"

#include <stdio.h>

enum { MARKS_SHOWN = 200 };

/* Opens in the order in which a user can be told the most: the model's notes first, then whether it
 * can be computed at all, before its tokenizer, which may be as unknown as the model is. */
int source_view_open(struct source *source, struct tokenizer **tokenizer, const char *path,
                     const struct state_choice *choice, struct error *err)
{
    if (source_open(source, path, choice, err) != 0)
        return -1;
    fputs(model_notes(source->model), stderr);
    return model_check_computable(source->model, err) == 0
               ? source_tokenizer(tokenizer, source, err)
               : -1;
}

/* Not an error: positions beyond what it was trained for are computed, and are worth what they are.
 */
void source_view_positions(const struct source *source, int64_t longest)
{
    char line[400];
    if (model_note_positions(source->model, longest, line, sizeof line))
        fprintf(stderr, "%s\n", line);
}

/* Marks that are cut into pieces are not what the template means, but a model may have been trained
 * so. */
int source_view_marks(struct tokenizer *tokenizer, const char *template_name, const char *remedy,
                      struct error *err)
{
    char marks[MARKS_SHOWN];
    if (added_tokens_look(tokenizer, template_name, false, marks, sizeof marks, err) != 0)
        return -1;
    if (marks[0])
        fprintf(stderr,
                "no token of this tokenizer, and cut into pieces: %s of the chat template%s\n",
                marks, remedy);
    return 0;
}

/* Each kind a line, and nothing where there is none of it: most data is used as it stands. */
void source_view_counts(const char *what, const struct piece_counts *counts, size_t too_short,
                        size_t undesired)
{
    char of_them[64] = "";
    if (undesired > 0)
        snprintf(of_them, sizeof of_them, " (%s of them undesired: label false)",
                 decimal_text((int64_t)undesired).text);
    if (counts->without_target + too_short > 0)
        fprintf(stderr,
                "%s: left out: %s document%s without a supervised token%s, %s of fewer than two "
                "tokens\n",
                what, decimal_text((int64_t)counts->without_target).text,
                text_s(counts->without_target), of_them, decimal_text((int64_t)too_short).text);
    if (counts->split > 0)
        fprintf(stderr,
                "%s: longer than --seq-len: %s document%s split (what follows a cut does not see "
                "what came before it)\n",
                what, decimal_text((int64_t)counts->split).text, text_s(counts->split));
    if (counts->truncated > 0)
        fprintf(stderr, "%s: longer than --seq-len: %s document%s truncated\n", what,
                decimal_text((int64_t)counts->truncated).text, text_s(counts->truncated));
    if (counts->dropped > 0)
        fprintf(stderr, "%s: longer than --seq-len: %s document%s left out (--long drop)\n", what,
                decimal_text((int64_t)counts->dropped).text, text_s(counts->dropped));
    if (counts->without_prompt)
        fprintf(stderr,
                "%s: every supervised token lies beyond --seq-len: rows have them without their "
                "prompts; a longer --seq-len keeps them together\n",
                what);
}
