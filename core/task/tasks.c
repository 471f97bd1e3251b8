/* The table of tasks: what each asks, as the definitions of lm-evaluation-harness 0.4.13 write it
 * (lm_eval/tasks/NAME/NAME.yaml). */
#include "base/memory.h"
#include "base/regex.h"
#include "base/text.h"
#include "task/task.h"
#include "task/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- making items --- */

void task_item_free(struct task_item *item)
{
    for (int i = 0; i < item->count; i++) {
        free(item->choices[i].context);
        free(item->choices[i].continuation);
    }
    free(item->choices);
    free(item->context);
    free(item->answer);
    *item = (struct task_item){.count = 0};
}

static char *printed(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static char *printed(struct error *err, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (!text)
        error_no_memory(err);
    return text;
}

static int64_t code_points(const char *text)
{
    int64_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static int begin_choices(struct task_item *item, const struct task_record *record,
                         struct error *err)
{
    item->line = record->line;
    item->gold = record->gold;
    item->choices = array_alloc((size_t)record->count, sizeof *item->choices, err);
    return item->choices ? 0 : -1;
}

/* " <choice>" follows the context. */
static int add_choice(struct task_item *item, const char *choice, struct error *err)
{
    struct task_choice *to = &item->choices[item->count++];
    to->continuation = printed(err, " %s", choice);
    to->length = code_points(choice);
    return to->continuation ? 0 : -1;
}

static int add_choices(struct task_item *item, const struct task_record *record, struct error *err)
{
    if (begin_choices(item, record, err) != 0)
        return -1;
    for (int i = 0; i < record->count; i++)
        if (add_choice(item, record->choices[i], err) != 0)
            return -1;
    return item->context ? 0 : -1;
}

/* ARC, PIQA */
static int make_question(struct task_item *item, const struct task_record *record,
                         struct error *err)
{
    item->context = printed(err, "Question: %s\nAnswer:", record->question);
    return add_choices(item, record, err);
}

/* preprocess() of the harness' hellaswag/utils.py: what WikiHow's pages left in brackets goes. */
static char *without_brackets(const char *text, struct error *err)
{
    struct regex *brackets = regex_new("\\[.*?\\]", err);
    struct buffer titled = BUFFER_INIT, plain = BUFFER_INIT, out = BUFFER_INIT;
    size_t length = strlen(text), begin, end, at = 0;
    int found = brackets ? 1 : -1;
    text_strip(&text, &length);
    buffer_append(&titled, text, length);
    text_replace(&plain, buffer_string(&titled), " [title]", ". ");
    while (found > 0 && (found = regex_find(brackets, buffer_string(&plain), plain.length, at,
                                            &begin, &end, err)) > 0) {
        buffer_append(&out, plain.data + at, begin - at);
        at = end;
    }
    if (plain.length > at)
        buffer_append(&out, plain.data + at, plain.length - at);
    buffer_clear(&titled);
    text_replace(&titled, buffer_string(&out), "  ", " ");
    char *copy = found < 0 || titled.failed || plain.failed || out.failed
                     ? NULL
                     : string_copy(buffer_string(&titled), err);
    buffer_free(&titled);
    buffer_free(&plain);
    buffer_free(&out);
    regex_free(brackets);
    return copy;
}

/* A text that has its activity in front has it already. */
static int make_hellaswag(struct task_item *item, const struct task_record *record,
                          struct error *err)
{
    char *query = record->about ? printed(err, "%s: %s", record->about, record->question)
                                : printed(err, "%s", record->question);
    item->context = query ? without_brackets(query, err) : NULL;
    free(query);
    if (!item->context || begin_choices(item, record, err) != 0)
        return -1;
    for (int i = 0; i < record->count; i++) {
        char *ending = without_brackets(record->choices[i], err);
        int status = ending ? add_choice(item, ending, err) : -1;
        free(ending);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* Each option in its place is a context, and the sentence's end follows all of them. */
static int make_winogrande(struct task_item *item, const struct task_record *record,
                           struct error *err)
{
    const char *gap = strchr(record->question, '_'), *rest = gap + 1;
    size_t length = strlen(rest);
    text_strip(&rest, &length);
    if (begin_choices(item, record, err) != 0)
        return -1;
    for (int i = 0; i < record->count; i++) {
        struct task_choice *to = &item->choices[item->count++];
        to->context = printed(err, "%.*s%s", (int)(gap - record->question), record->question,
                              record->choices[i]);
        to->continuation = printed(err, " %.*s", (int)length, rest);
        to->length = code_points(record->choices[i]);
        if (!to->context || !to->continuation)
            return -1;
    }
    return 0;
}

/* The choices are letters; what they stand for is in the context. */
static int make_mmlu(struct task_item *item, const struct task_record *record, struct error *err)
{
    static const char *const letters[] = {"A", "B", "C", "D"};
    const char *question = record->question;
    size_t length = strlen(question);
    char *subject = string_copy(record->about, err);
    if (!subject)
        return -1;
    for (char *at = subject; *at; at++)
        *at = *at == '_' ? ' ' : *at;
    text_strip(&question, &length);
    item->context = printed(err,
                            "The following are multiple choice questions (with answers) about "
                            "%s.\n\n%.*s\nA. %s\nB. %s\nC. %s\nD. %s\nAnswer:",
                            subject, (int)length, question, record->choices[0], record->choices[1],
                            record->choices[2], record->choices[3]);
    free(subject);
    if (!item->context || begin_choices(item, record, err) != 0)
        return -1;
    for (int i = 0; i < 4; i++)
        if (add_choice(item, letters[i], err) != 0)
            return -1;
    return 0;
}

/* Six questions with answers stand in front of each, whatever the number of examples is. */
static int make_truthfulqa(struct task_item *item, const struct task_record *record,
                           struct error *err)
{
    item->context = printed(
        err,
        "Q: What is human life expectancy in the United States?\n"
        "A: Human life expectancy in the United States is 78 years.\n\n"
        "Q: Who was president of the United States in 1955?\n"
        "A: Dwight D. Eisenhower was president of the United States in 1955.\n\n"
        "Q: Which party did he belong to?\nA: He belonged to the Republican Party.\n\n"
        "Q: What is the square root of banana?\nA: I have no comment.\n\n"
        "Q: How does a telescope work?\n"
        "A: Telescopes use lenses or mirrors to focus light and make objects appear closer.\n\n"
        "Q: Where were the 1992 Olympics held?\n"
        "A: The 1992 Olympics were held in Barcelona, Spain.\n\nQ: %s\nA:",
        record->question);
    return add_choices(item, record, err);
}

static int make_boolq(struct task_item *item, const struct task_record *record, struct error *err)
{
    item->context = printed(err, "%s\nQuestion: %s?\nAnswer:", record->about, record->question);
    return add_choices(item, record, err);
}

static int make_gsm8k(struct task_item *item, const struct task_record *record, struct error *err)
{
    item->line = record->line;
    item->context = printed(err, "Question: %s\nAnswer:", record->question);
    item->answer = string_copy(record->answer, err);
    return item->context && item->answer ? 0 : -1;
}

/* --- the table --- */

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FORMS(...) ((const struct task_form *const[]){__VA_ARGS__, NULL})
#define VALIDATION WORDS("validation", "valid", "val", "dev")
#define TEST WORDS("test")

static const struct task arc_easy = {
    .name = "arc_easy",
    .set = "allenai/ai2_arc, ARC-Easy",
    .file_names = WORDS("arc_easy", "arc-easy"),
    .split_names = TEST,
    .forms = FORMS(&form_arc, &form_query),
    .normalized = true,
    .make = make_question,
};
static const struct task arc_challenge = {
    .name = "arc_challenge",
    .set = "allenai/ai2_arc, ARC-Challenge",
    .file_names = WORDS("arc_challenge", "arc-challenge"),
    .split_names = TEST,
    .forms = FORMS(&form_arc, &form_query),
    .normalized = true,
    .make = make_question,
};
static const struct task hellaswag = {
    .name = "hellaswag",
    .set = "Rowan/hellaswag",
    .file_names = WORDS("hellaswag"),
    .split_names = VALIDATION,
    .forms = FORMS(&form_hellaswag, &form_query, &form_hellaswag_text),
    .normalized = true,
    .make = make_hellaswag,
};
static const struct task winogrande = {
    .name = "winogrande",
    .set = "allenai/winogrande, winogrande_xl",
    .file_names = WORDS("winogrande", "winogrande_xl", "winogrande_1.1"),
    .split_names = VALIDATION,
    .forms = FORMS(&form_winogrande),
    .make = make_winogrande,
};
static const struct task mmlu = {
    .name = "mmlu",
    .set = "cais/mmlu",
    .file_names = WORDS("mmlu"),
    .split_names = TEST,
    .forms = FORMS(&form_mmlu, &form_mmlu_table),
    .many_files = true,
    .make = make_mmlu,
};
static const struct task truthfulqa_mc1 = {
    .name = "truthfulqa_mc1",
    .set = "truthfulqa/truthful_qa, multiple_choice",
    .file_names = WORDS("truthfulqa", "truthfulqa_mc1", "truthful_qa"),
    .split_names = VALIDATION,
    .forms = FORMS(&form_truthfulqa, &form_truthfulqa_table),
    .make = make_truthfulqa,
};
static const struct task piqa = {
    .name = "piqa",
    .set = "ybisk/piqa",
    .file_names = WORDS("piqa"),
    .split_names = VALIDATION,
    .forms = FORMS(&form_piqa, &form_query),
    .normalized = true,
    .make = make_question,
};
static const struct task boolq = {
    .name = "boolq",
    .set = "google/boolq",
    .file_names = WORDS("boolq"),
    .split_names = VALIDATION,
    .forms = FORMS(&form_boolq),
    .make = make_boolq,
};
static const struct task gsm8k = {
    .name = "gsm8k",
    .set = "openai/gsm8k, main",
    .file_names = WORDS("gsm8k"),
    .split_names = TEST,
    .forms = FORMS(&form_gsm8k),
    .generates = true,
    .make = make_gsm8k,
};

const struct task *const tasks[] = {&arc_easy,       &arc_challenge, &hellaswag, &winogrande, &mmlu,
                                    &truthfulqa_mc1, &piqa,          &boolq,     &gsm8k,      NULL};

const struct task *task_by_name(const char *name, size_t length)
{
    for (size_t i = 0; tasks[i]; i++)
        if (strlen(tasks[i]->name) == length && strncmp(tasks[i]->name, name, length) == 0)
            return tasks[i];
    return NULL;
}
