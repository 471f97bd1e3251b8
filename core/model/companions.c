#include "model/companions.h"

#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

enum { COMPANION_MAX = 256 << 20 };

static const char *const names[] = {
    "config.json", /* the first: see companions_copy() */
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
};

int companions_copy(const char *from_folder, const char *to_folder, bool config, struct error *err)
{
    int status = folder_make(to_folder, err);
    for (size_t i = config ? 0 : 1; i < sizeof names / sizeof *names && status == 0; i++) {
        char *from = path_join(from_folder, names[i], err);
        char *to = path_join(to_folder, names[i], err);
        if (!from || !to)
            status = -1;
        else if (access(from, F_OK) == 0)
            status = file_copy(from, to, COMPANION_MAX, err);
        free(from);
        free(to);
    }
    return status;
}
