/* A data set's file, as each task reads it: the input's first byte says which, and how it is called. */
#include "fuzz_text.h"
#include "task/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *task, *file;
    } kinds[] = {{"arc_easy", "arc_easy.jsonl"},
                 {"hellaswag", "hellaswag.txt"},
                 {"winogrande", "winogrande.jsonl"},
                 {"mmlu", "mmlu_test.csv"},
                 {"piqa", "piqa.jsonl"},
                 {"truthfulqa_mc1", "truthfulqa.csv"},
                 {"boolq", "boolq.jsonl"},
                 {"gsm8k", "gsm8k.jsonl"},
                 {"mmlu", "mmlu.jsonl"},
                 {"truthfulqa_mc1", "truthfulqa.jsonl"},
                 {"hellaswag", "hellaswag.jsonl"}};
    struct task_evaluation *evaluation = NULL;
    struct error err = ERROR_INIT;
    if (size == 0)
        return 0;
    size_t kind = data[0] % (sizeof kinds / sizeof *kinds);
    const char *path = fuzz_file(kinds[kind].file, data + 1, size - 1);
    if (fuzz_ok(task_evaluation_open(&evaluation, kinds[kind].task, fuzz_folder(), 0, &err), &err))
        task_evaluation_close(evaluation);
    unlink(path);
    return 0;
}
