/* SentencePiece's tokenizer.model, as an export to GGUF reads it. */
#include "fuzz.h"

#include "text/tokenizer/sentencepiece.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece_file file;
    struct error err = ERROR_INIT;
    const char *path = fuzz_file("tokenizer.model", data, size);
    if (fuzz_ok(piece_file_read(&file, path, &err), &err)) {
        size_t bytes = 0;
        for (size_t i = 0; i < file.count; i++) {
            const struct sentence_piece *piece = &file.pieces[i];
            if (piece->length == 0 || memchr(piece->text, '\0', piece->length) ||
                piece->kind < PIECE_NORMAL || piece->kind > PIECE_BYTE)
                abort();
            bytes += piece->length;
        }
        if (file.count == 0 || bytes > size)
            abort();
    }
    piece_file_free(&file);
    return 0;
}
