#include "tui/app/prompt.h"

#include "tui/canvas/terminal.h"

#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter) - 'A' + 1)

/* --- typing --- */

void prompt_open(struct prompt *prompt, enum request request)
{
    if (!prompt->history.loaded)
        history_load(&prompt->history);
    candidates_free(&prompt->candidates);
    prompt->active = true;
    prompt->request = request;
    prompt->text[0] = prompt->begun[0] = '\0';
    prompt->at = prompt->history.count;
    line_edit_begin(&prompt->edit, prompt->text, sizeof prompt->text);
}

void prompt_free(struct prompt *prompt)
{
    history_free(&prompt->history);
    candidates_free(&prompt->candidates);
}

/* Lines are remembered by what they were asked for. */
static const char *kind_of(const struct prompt *prompt)
{
    return request_find(prompt->request)->name;
}

/* The next entry in a direction takes the line's place; after the newest is what was begun. */
static void recall(struct prompt *prompt, int step)
{
    struct history *history = &prompt->history;
    if (prompt->at == history->count)
        snprintf(prompt->begun, sizeof prompt->begun, "%s", prompt->text);
    const char *text = history_find(history, kind_of(prompt), &prompt->at, step);
    if (!text && step > 0) {
        prompt->at = history->count;
        text = prompt->begun;
    }
    if (text)
        line_edit_set(&prompt->edit, text);
}

/* What was typed of the chosen one goes on to its end. */
static void take_chosen(struct prompt *prompt)
{
    const char *more = prompt->candidates.words[prompt->candidates.chosen] + prompt->typed;
    line_edit_insert(&prompt->edit, more, strlen(more));
    candidates_free(&prompt->candidates);
}

/* A list of proposals that is open has the first look at a key; an empty line is left by
 * Backspace. */
enum prompt_state prompt_input(struct prompt *prompt, int input)
{
    enum choice choice = candidates_input(&prompt->candidates, input);
    if (choice == CHOICE_TAKEN)
        take_chosen(prompt);
    if (choice != CHOICE_OTHER)
        return PROMPT_OPEN;
    if (input == INPUT_ENTER) {
        history_add(&prompt->history, kind_of(prompt), prompt->text);
        prompt->active = false;
        return PROMPT_DONE;
    }
    if (input == INPUT_ESCAPE || input == CTRL('C') ||
        (input == INPUT_BACKSPACE && !prompt->text[0])) {
        prompt->active = false;
        return PROMPT_CLOSED;
    }
    if (input == INPUT_UP || input == CTRL('P'))
        recall(prompt, -1);
    else if (input == INPUT_DOWN || input == CTRL('N'))
        recall(prompt, 1);
    else
        line_edit_input(&prompt->edit, input);
    return PROMPT_OPEN;
}

bool prompt_paste(struct prompt *prompt, const char *line, size_t length)
{
    candidates_free(&prompt->candidates);
    return line_edit_insert(&prompt->edit, line, length);
}

void prompt_propose(struct prompt *prompt, const char *typed, struct candidates *list,
                    const char *end)
{
    char more[PROMPT_MAX];
    candidates_free(&prompt->candidates);
    bool single = list->count == 1;
    candidates_complete(list, typed, more, sizeof more);
    if (single)
        snprintf(more + strlen(more), sizeof more - strlen(more), "%s", end);
    line_edit_insert(&prompt->edit, more, strlen(more));
    prompt->candidates = *list;
    prompt->typed = strlen(typed);
    *list = (struct candidates){0};
}

/* --- drawing --- */

/* Proposals in columns, read line by line: as wide as the widest, two blanks between. */
struct proposals {
    int width, columns, rows;
};

static struct proposals lay_out(const struct candidates *list, int columns)
{
    struct proposals out = {0, 1, 0};
    for (size_t i = 0; i < list->count; i++) {
        int width = text_columns(candidate_name(list->words[i]));
        if (width > out.width)
            out.width = width;
    }
    if (out.width + 2 < columns)
        out.columns = (columns + 2) / (out.width + 2);
    out.rows = ((int)list->count + out.columns - 1) / out.columns;
    return out;
}

int prompt_rows(const struct prompt *prompt, int columns, int most)
{
    int rows = lay_out(&prompt->candidates, columns).rows + 1;
    return rows < most ? rows : most;
}

/* The chosen one is marked. Where not all fit, the rows go with it, and the last place says how many
 * more there are. */
static void draw_proposals(const struct candidates *list, struct area area,
                           const struct theme *theme)
{
    struct proposals at = lay_out(list, area.width);
    size_t columns = (size_t)at.columns, room = (size_t)area.height * columns, first = 0;
    while (list->chosen >= first + room - 1 && first + room < list->count)
        first += columns;
    for (size_t i = first; i < list->count && i < first + room; i++) {
        int x = (int)((i - first) % columns) * (at.width + 2), y = (int)((i - first) / columns);
        char more[32];
        bool last = i + 1 == first + room && list->count > i + 1;
        struct style style = i == list->chosen ? theme_style_on(theme, THEME_TEXT, THEME_SELECTED)
                                               : theme_style(theme, THEME_DIM);
        snprintf(more, sizeof more, "… %zu more", list->count - i);
        area_label(area, x, y, at.width, style, last ? more : candidate_name(list->words[i]));
    }
}

/* ":" and the command, or what is asked for: "write FILE: plan.yaml", in the area's last row. */
void prompt_draw(const struct prompt *prompt, struct area area, const struct theme *theme)
{
    const struct request_info *info = request_find(prompt->request);
    struct area line = area_part(area, 0, area.height - 1, area.width, 1);
    struct style accent = theme_style(theme, THEME_ACCENT);
    int x = prompt->request == REQUEST_PROMPT
                ? area_put(line, 0, 0, accent, ":")
                : area_print(line, 0, 0, accent, "%s %s: ", info->name, info->argument);
    line_edit_draw(&prompt->edit, area_part(line, x, 0, line.width - x, 1),
                   theme_style(theme, THEME_TEXT), true);
    draw_proposals(&prompt->candidates, area_part(area, 0, 0, area.width, area.height - 1), theme);
}
