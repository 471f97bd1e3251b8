/* The pieces of SentencePiece's tokenizer.model: texts, scores, kinds.
 *
 * The file is a protocol buffer (google/sentencepiece, sentencepiece_model.proto), a sequence of
 * fields, each a varint 8 * number + wire type before its value. Field 1 is a piece, the next id's:
 *
 *     1  text    bytes
 *     2  score   fp32; 0 where it is not there
 *     3  kind    varint, enum piece_kind; a normal one where it is not there
 *
 * All other fields are skipped. Texts are cut by tokenizer.json here; a GGUF file has these pieces.
 */
#ifndef SPECTRUM_TEXT_TOKENIZER_SENTENCEPIECE_H
#define SPECTRUM_TEXT_TOKENIZER_SENTENCEPIECE_H

#include "base/buffer.h"

#include <stdint.h>

/* GGUF's token types have the same numbers. */
enum piece_kind {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN,
    PIECE_CONTROL,
    PIECE_USER_DEFINED,
    PIECE_UNUSED,
    PIECE_BYTE
};

struct sentence_piece {
    const char *text; /* UTF-8, not terminated; within the file's bytes */
    size_t length;
    float score;
    enum piece_kind kind;
};

struct piece_file {
    struct buffer bytes;
    struct sentence_piece *pieces; /* [count], by id */
    size_t count, capacity;
};

/* Reads a file. Freed by piece_file_free(), also after an error. */
int piece_file_read(struct piece_file *out, const char *path, struct error *err);
void piece_file_free(struct piece_file *file);

#endif
