#include "text/tokenizer/sentencepiece.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_FILE_MAX = 64 << 20, PIECES_MAX = 1 << 22, PIECE_TEXT_MAX = 1 << 16 };

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A message that is read forwards. */
struct message {
    const unsigned char *at, *end;
};

struct field {
    uint64_t number;
    enum wire_type type;
    uint64_t value;             /* of a varint; of WIRE_32 and WIRE_64 their bits */
    const unsigned char *bytes; /* [value] of WIRE_BYTES */
};

/* At most ten bytes of seven bits each, the lowest first. */
static bool take_varint(struct message *m, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        unsigned char byte = *m->at++;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* The next field; false where the message is not one. Groups, long out of use, are none. */
static bool take_field(struct message *m, struct field *out)
{
    uint64_t key;
    if (!take_varint(m, &key))
        return false;
    *out = (struct field){.number = key >> 3, .type = (enum wire_type)(key & 7)};
    size_t left = (size_t)(m->end - m->at);
    switch (out->type) {
    case WIRE_VARINT:
        return take_varint(m, &out->value);
    case WIRE_64:
    case WIRE_32: {
        size_t bytes = out->type == WIRE_64 ? 8 : 4;
        if (left < bytes)
            return false;
        out->value = bytes == 8 ? load_u64(m->at) : load_u32(m->at);
        m->at += bytes;
        return true;
    }
    case WIRE_BYTES:
        if (!take_varint(m, &out->value) || out->value > (uint64_t)(m->end - m->at))
            return false;
        out->bytes = m->at;
        m->at += out->value;
        return true;
    }
    return false;
}

static bool read_piece(struct message m, struct sentence_piece *out)
{
    struct field field;
    *out = (struct sentence_piece){.text = "", .kind = PIECE_NORMAL};
    while (m.at < m.end) {
        if (!take_field(&m, &field))
            return false;
        if (field.number == 1 && field.type == WIRE_BYTES) {
            out->text = (const char *)field.bytes;
            out->length = (size_t)field.value;
        } else if (field.number == 2 && field.type == WIRE_32) {
            out->score = float_from_bits((uint32_t)field.value);
        } else if (field.number == 3 && field.type == WIRE_VARINT) {
            if (field.value < PIECE_NORMAL || field.value > PIECE_BYTE)
                return false;
            out->kind = (enum piece_kind)field.value;
        } else if (field.number <= 3) {
            return false;
        }
    }
    return out->length > 0 && out->length <= PIECE_TEXT_MAX &&
           !memchr(out->text, '\0', out->length) && utf8_valid(out->text, out->length);
}

int piece_file_read(struct piece_file *out, const char *path, struct error *err)
{
    *out = (struct piece_file){.bytes = BUFFER_INIT};
    if (file_read_all(&out->bytes, path, MODEL_FILE_MAX, err) != 0)
        return -1;
    const unsigned char *bytes = (const unsigned char *)buffer_string(&out->bytes);
    struct message m = {bytes, bytes + out->bytes.length};
    while (m.at < m.end) {
        struct field field;
        size_t at = (size_t)(m.at - bytes);
        if (!take_field(&m, &field) || field.number == 0)
            return error_set(err, "%s is not a SentencePiece model: at byte %zu is no field", path,
                             at);
        if (field.number != 1)
            continue;
        if (out->count >= PIECES_MAX)
            return error_set(err, "%s has more than %d pieces", path, PIECES_MAX);
        if (array_reserve((void **)&out->pieces, &out->capacity, out->count + 1,
                          sizeof *out->pieces, err) != 0)
            return -1;
        const struct message inner = {field.bytes, field.bytes + field.value};
        if (field.type != WIRE_BYTES || !read_piece(inner, &out->pieces[out->count]))
            return error_set(err,
                             "%s is not a SentencePiece model: piece %zu, at byte %zu, is not a "
                             "text with a score and a kind",
                             path, out->count, at);
        out->count++;
    }
    return out->count > 0 ? 0 : error_set(err, "%s has no pieces", path);
}

void piece_file_free(struct piece_file *file)
{
    free(file->pieces);
    buffer_free(&file->bytes);
}
