#include "checkpoint/pickle.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Names that can be asked for; the rest are storages, with their elements' type. */
enum { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER };

static const struct {
    const char *module, *name, *type;
} names[] = {
    [ORDERED_DICT] = {"collections", "OrderedDict", NULL},
    [REBUILD_TENSOR] = {"torch._utils", "_rebuild_tensor_v2", NULL},
    [REBUILD_PARAMETER] = {"torch._utils", "_rebuild_parameter", NULL},
    {"torch", "DoubleStorage", "F64"},
    {"torch", "FloatStorage", "F32"},
    {"torch", "HalfStorage", "F16"},
    {"torch", "BFloat16Storage", "BF16"},
    {"torch", "LongStorage", "I64"},
    {"torch", "IntStorage", "I32"},
    {"torch", "ShortStorage", "I16"},
    {"torch", "CharStorage", "I8"},
    {"torch", "ByteStorage", "U8"},
    {"torch", "BoolStorage", "BOOL"},
};

enum { NAMES = sizeof names / sizeof *names, MARKS_MAX = 1024, LINE_MAX_BYTES = 256 };

const char *pickle_storage(const struct pickle *pickle, const struct pickle_value *storage)
{
    return names[pickle_item(pickle, storage, 0)->integer].type;
}

/* --- the machine --- */

struct list {
    uint32_t *items;
    size_t count, capacity;
};

struct machine {
    const unsigned char *at, *end, *begin;
    struct pickle *out;
    struct list stack, memo; /* numbers of values; of the memo UINT32_MAX where there is none */
    size_t marks[MARKS_MAX], mark_count; /* heights of the stack */
    const char *where;
    struct error *err;
};

static int broken(const struct machine *m, const char *what)
{
    return error_set(m->err, "%s: %s at byte %zu of its pickle: it is damaged", m->where, what,
                     (size_t)(m->at - m->begin));
}

static int list_push(struct list *list, uint32_t item, struct error *err)
{
    if (list->count >= PICKLE_VALUES)
        return error_set(err, "a pickle has more than %d values", PICKLE_VALUES);
    if (array_reserve((void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items,
                      err) != 0)
        return -1;
    list->items[list->count++] = item;
    return 0;
}

/* A new value on top of the stack; NULL: no memory. Good until the next. */
static struct pickle_value *push_new(struct machine *m, enum pickle_kind kind)
{
    struct pickle *out = m->out;
    if (out->count >= PICKLE_VALUES) {
        error_set(m->err, "%s: a pickle has more than %d values", m->where, PICKLE_VALUES);
        return NULL;
    }
    if (array_reserve((void **)&out->values, &out->capacity, out->count + 1, sizeof *out->values,
                      m->err) != 0 ||
        list_push(&m->stack, (uint32_t)out->count, m->err) != 0)
        return NULL;
    out->values[out->count] = (struct pickle_value){.kind = kind};
    return &out->values[out->count++];
}

static int push_integer(struct machine *m, enum pickle_kind kind, int64_t value)
{
    struct pickle_value *made = push_new(m, kind);
    if (made)
        made->integer = value;
    return made ? 0 : -1;
}

/* The value `depth` below the top; NULL: the stack, down to the last mark, is not that high. */
static struct pickle_value *top(struct machine *m, size_t depth)
{
    size_t low = m->mark_count > 0 ? m->marks[m->mark_count - 1] : 0;
    if (m->stack.count < low + depth + 1)
        return NULL;
    return &m->out->values[m->stack.items[m->stack.count - 1 - depth]];
}

/* Through a list of its own, as the values' array may move while it grows. */
static int add_items(struct pickle_value *to, const uint32_t *items, size_t count,
                     struct error *err)
{
    struct list list = {to->items, to->count, to->capacity};
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = list_push(&list, items[i], err);
    to->items = list.items;
    to->count = list.count;
    to->capacity = list.capacity;
    return status;
}

/* --- operands --- */

static const unsigned char *take(struct machine *m, size_t count)
{
    if ((size_t)(m->end - m->at) < count) {
        broken(m, "it ends too soon");
        return NULL;
    }
    const unsigned char *bytes = m->at;
    m->at += count;
    return bytes;
}

/* A number of 1 to 4 bytes, little-endian; -1: there are not so many. */
static int64_t take_number(struct machine *m, size_t bytes)
{
    const unsigned char *at = take(m, bytes);
    int64_t value = at ? 0 : -1;
    for (size_t i = 0; at && i < bytes; i++)
        value |= (int64_t)at[i] << 8 * i;
    return value;
}

/* A line of GLOBAL, of names that a program has; NULL: it is none. */
static bool take_line(struct machine *m, char out[LINE_MAX_BYTES])
{
    const unsigned char *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    size_t length = end ? (size_t)(end - m->at) : LINE_MAX_BYTES;
    if (length >= LINE_MAX_BYTES || memchr(m->at, 0, length)) {
        broken(m, "a name has no end");
        return false;
    }
    memcpy(out, m->at, length);
    out[length] = '\0';
    m->at = end + 1;
    return true;
}

/* --- opcodes --- */

/* Texts become names of tensors and entries, so they must be what a name can be. */
static int push_text(struct machine *m, int64_t length)
{
    const unsigned char *bytes = length < 0 ? NULL : take(m, (size_t)length);
    if (!bytes)
        return -1;
    if (memchr(bytes, 0, (size_t)length) || !utf8_valid((const char *)bytes, (size_t)length))
        return broken(m, "a text is not UTF-8, or has a NUL byte");
    struct pickle_value *made = push_new(m, PICKLE_TEXT);
    if (made && !(made->text = strndup((const char *)bytes, (size_t)length)))
        return error_set(m->err, "not enough memory");
    return made ? 0 : -1;
}

/* LONG1: a whole number in as many bytes as it needs, the sign in the last. */
static int push_long(struct machine *m)
{
    const unsigned char *length = take(m, 1), *at = length ? take(m, *length) : NULL;
    if (!at)
        return -1;
    if (*length > 8)
        return broken(m, "a number is too large");
    uint64_t value = 0;
    for (int i = 0; i < *length; i++)
        value |= (uint64_t)at[i] << 8 * i;
    if (*length > 0 && *length < 8 && at[*length - 1] & 0x80)
        value |= ~(uint64_t)0 << 8 * *length;
    return push_integer(m, PICKLE_INTEGER, (int64_t)value);
}

/* The allow-list: a file names what is to be called, and these few names are all that it may. */
static int push_name(struct machine *m)
{
    char module[LINE_MAX_BYTES], name[LINE_MAX_BYTES];
    if (!take_line(m, module) || !take_line(m, name))
        return -1;
    for (int i = 0; i < NAMES; i++)
        if (strcmp(names[i].module, module) == 0 && strcmp(names[i].name, name) == 0)
            return push_integer(m, PICKLE_NAME, i);
    return error_set(m->err,
                     "%s: it asks for %s.%s, which a file of tensors has no need of: nothing of a "
                     "file is run here. If you trust it, save its tensors alone, by safetensors "
                     "(safetensors.torch.save_file())",
                     m->where, module, name);
}

static int pop_to_mark(struct machine *m, const uint32_t **items, size_t *count)
{
    if (m->mark_count == 0)
        return broken(m, "a mark is missing");
    size_t low = m->marks[--m->mark_count];
    *items = m->stack.items + low;
    *count = m->stack.count - low;
    m->stack.count = low;
    return 0;
}

/* The topmost `count` values as one tuple. */
static int make_tuple(struct machine *m, const uint32_t *items, size_t count)
{
    uint32_t *kept = array_alloc(count, sizeof *kept, m->err);
    struct pickle_value *made = NULL;
    if (kept && count > 0)
        memcpy(kept, items, count * sizeof *kept);
    if (kept)
        made = push_new(m, PICKLE_TUPLE);
    int status = made ? add_items(made, kept, count, m->err) : -1;
    free(kept);
    return status;
}

static int tuple_of(struct machine *m, size_t count)
{
    if (!top(m, count - 1))
        return broken(m, "the stack is empty");
    m->stack.count -= count;
    return make_tuple(m, m->stack.items + m->stack.count, count);
}

static int tuple_from_mark(struct machine *m)
{
    const uint32_t *items = NULL;
    size_t count = 0;
    return pop_to_mark(m, &items, &count) == 0 ? make_tuple(m, items, count) : -1;
}

/* Values above the mark, or the `count` topmost, go into the list or dict below them. */
static int add_to(struct machine *m, enum pickle_kind kind, size_t count)
{
    const uint32_t *items = NULL;
    if (count == 0) {
        if (pop_to_mark(m, &items, &count) != 0)
            return -1;
    } else {
        if (!top(m, count))
            return broken(m, "the stack is empty");
        m->stack.count -= count;
        items = m->stack.items + m->stack.count;
    }
    struct pickle_value *to = top(m, 0);
    if (!to || to->kind != kind || (kind == PICKLE_DICT && count % 2 != 0))
        return broken(m, "items have nothing that they go into");
    return add_items(to, items, count, m->err);
}

/* The memo's numbers come from the file; gaps are filled with what no look-up accepts. */
static int remember(struct machine *m, int64_t number)
{
    if (number < 0 || !top(m, 0))
        return number < 0 ? -1 : broken(m, "the stack is empty");
    if (number >= PICKLE_VALUES)
        return broken(m, "a memo's number is too large");
    while (m->memo.count <= (size_t)number)
        if (list_push(&m->memo, UINT32_MAX, m->err) != 0)
            return -1;
    m->memo.items[number] = m->stack.items[m->stack.count - 1];
    return 0;
}

static int recall(struct machine *m, int64_t number)
{
    if (number < 0)
        return -1;
    if ((size_t)number >= m->memo.count || m->memo.items[number] == UINT32_MAX)
        return broken(m, "a memo is asked for that is not there");
    return list_push(&m->stack, m->memo.items[number], m->err);
}

/* Are a tuple's items, from the first on, of these kinds? */
static bool fits(const struct pickle *pickle, const struct pickle_value *tuple,
                 const enum pickle_kind *kinds, size_t count)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (pickle_item(pickle, tuple, i)->kind != kinds[i])
            return false;
    return true;
}

/* BINPERSID: ("storage", torch.FloatStorage, key, location, elements) becomes a storage. */
static int make_storage(struct machine *m)
{
    static const enum pickle_kind kinds[] = {PICKLE_TEXT, PICKLE_NAME, PICKLE_TEXT, PICKLE_TEXT,
                                             PICKLE_INTEGER};
    struct pickle_value *id = top(m, 0);
    if (!id || !fits(m->out, id, kinds, 5) ||
        strcmp(pickle_item(m->out, id, 0)->text, "storage") != 0 ||
        !names[pickle_item(m->out, id, 1)->integer].type)
        return broken(m, "a storage is none of a tensor's");
    uint32_t items[4];
    memcpy(items, id->items + 1, sizeof items);
    m->stack.count--;
    struct pickle_value *made = push_new(m, PICKLE_STORAGE);
    return made ? add_items(made, items, 4, m->err) : -1;
}

/* REDUCE: a name that can be called, and its arguments. */
static int call(struct machine *m)
{
    static const enum pickle_kind tensor[] = {PICKLE_STORAGE, PICKLE_INTEGER, PICKLE_TUPLE,
                                              PICKLE_TUPLE},
                                  parameter[] = {PICKLE_TENSOR};
    struct pickle_value *arguments = top(m, 0), *name = top(m, 1);
    if (!arguments || !name || name->kind != PICKLE_NAME || arguments->kind != PICKLE_TUPLE)
        return broken(m, "something is called that cannot be");
    uint32_t items[4];
    switch (name->integer) {
    case ORDERED_DICT:
        if (arguments->count > 0)
            break;
        m->stack.count -= 2;
        return push_new(m, PICKLE_DICT) ? 0 : -1;
    case REBUILD_TENSOR: {
        if (!fits(m->out, arguments, tensor, 4))
            break;
        memcpy(items, arguments->items, sizeof items);
        m->stack.count -= 2;
        struct pickle_value *made = push_new(m, PICKLE_TENSOR);
        return made ? add_items(made, items, 4, m->err) : -1;
    }
    case REBUILD_PARAMETER:
        if (!fits(m->out, arguments, parameter, 1))
            break;
        items[0] = arguments->items[0];
        m->stack.count -= 2;
        return list_push(&m->stack, items[0], m->err);
    default:
        break;
    }
    return broken(m, "something is called with what it does not take");
}

/* BUILD: a state dict's "_metadata", the versions of its modules, which say nothing of tensors. */
static int build(struct machine *m)
{
    struct pickle_value *state = top(m, 0), *object = top(m, 1);
    bool known = state && object && object->kind == PICKLE_DICT && state->kind == PICKLE_DICT;
    for (size_t i = 0; known && i < state->count; i += 2) {
        const struct pickle_value *key = pickle_item(m->out, state, i);
        known = key->kind == PICKLE_TEXT && strcmp(key->text, "_metadata") == 0;
    }
    if (!known)
        return broken(m, "an object gets members that no dict of tensors has");
    m->stack.count--;
    return 0;
}

static int push_mark(struct machine *m)
{
    if (m->mark_count == MARKS_MAX)
        return broken(m, "too many marks are open");
    m->marks[m->mark_count++] = m->stack.count;
    return 0;
}

/* A number for people, of an opcode that is not carried out. */
static int refuse(const struct machine *m, unsigned opcode)
{
    static const struct {
        unsigned char opcode;
        const char *name;
    } known[] = {{'i', "INST"},          {'o', "OBJ"},      {0x81, "NEWOBJ"}, {0x92, "NEWOBJ_EX"},
                 {0x93, "STACK_GLOBAL"}, {0x82, "EXT1"},    {0x83, "EXT2"},   {0x84, "EXT4"},
                 {'P', "PERSID"},        {'I', "INT"},      {'L', "LONG"},    {'S', "STRING"},
                 {0x95, "FRAME"},        {0x94, "MEMOIZE"}, {'V', "UNICODE"}, {'p', "PUT"}};
    const char *name = "unknown";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].opcode == opcode)
            name = known[i].name;
    return error_set(
        m->err,
        "%s: its pickle has the opcode 0x%02x (%s) at byte %zu, which torch.save() does "
        "not write for tensors: it is not carried out. If you trust it, save its "
        "tensors alone, by safetensors (safetensors.torch.save_file())",
        m->where, opcode, name, (size_t)(m->at - m->begin) - 1);
}

/* One opcode but STOP. */
static int step(struct machine *m, unsigned opcode)
{
    int64_t number;
    switch (opcode) {
    case 0x80: /* PROTO */
        number = take_number(m, 1);
        if (number < 0 || number == 2)
            return number < 0 ? -1 : 0;
        return error_set(m->err,
                         "%s: its pickle has protocol %d, and torch.save() writes 2 where nothing "
                         "else is asked of it: save it again without pickle_protocol, or by "
                         "safetensors",
                         m->where, (int)number);
    case 'N':
        return push_integer(m, PICKLE_NONE, 0);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return push_integer(m, PICKLE_TRUTH, opcode == 0x88);
    case 'K': /* BININT1 */
    case 'M': /* BININT2 */
        number = take_number(m, opcode == 'K' ? 1 : 2);
        return number < 0 ? -1 : push_integer(m, PICKLE_INTEGER, number);
    case 'J': /* BININT, which has a sign */
        number = take_number(m, 4);
        return number < 0 ? -1 : push_integer(m, PICKLE_INTEGER, (int32_t)number);
    case 0x8A: /* LONG1 */
        return push_long(m);
    case 'G': /* BINFLOAT, whose value nothing needs */
        return take(m, 8) ? push_integer(m, PICKLE_FLOAT, 0) : -1;
    case 'X': /* BINUNICODE */
        return push_text(m, take_number(m, 4));
    case '}':
        return push_new(m, PICKLE_DICT) ? 0 : -1;
    case ']':
        return push_new(m, PICKLE_LIST) ? 0 : -1;
    case ')':
        return push_new(m, PICKLE_TUPLE) ? 0 : -1;
    case '(':
        return push_mark(m);
    case 't':
        return tuple_from_mark(m);
    case 0x85: /* TUPLE1 .. TUPLE3 */
    case 0x86:
    case 0x87:
        return tuple_of(m, opcode - 0x84);
    case 'a':
        return add_to(m, PICKLE_LIST, 1);
    case 'e':
        return add_to(m, PICKLE_LIST, 0);
    case 's':
        return add_to(m, PICKLE_DICT, 2);
    case 'u':
        return add_to(m, PICKLE_DICT, 0);
    case 'q': /* BINPUT */
    case 'r': /* LONG_BINPUT */
        return remember(m, take_number(m, opcode == 'q' ? 1 : 4));
    case 'h': /* BINGET */
    case 'j': /* LONG_BINGET */
        return recall(m, take_number(m, opcode == 'h' ? 1 : 4));
    case 'c': /* GLOBAL */
        return push_name(m);
    case 'Q': /* BINPERSID */
        return make_storage(m);
    case 'R': /* REDUCE */
        return call(m);
    case 'b': /* BUILD */
        return build(m);
    default:
        return refuse(m, opcode);
    }
}

/* One pass over the opcodes, which runs nothing: values are built, calls of known names become
 * values of their own. What is left on the stack at the end is the answer. */
int pickle_read(struct pickle *out, const void *bytes, size_t size, const char *where,
                struct error *err)
{
    const unsigned char *begin = bytes;
    struct machine m = {
        .at = begin, .begin = begin, .end = begin + size, .out = out, .where = where, .err = err};
    *out = (struct pickle){.count = 0};
    int status = 0;
    bool stopped = false;
    while (status == 0 && !stopped) {
        const unsigned char *opcode = take(&m, 1);
        stopped = opcode && *opcode == '.';
        status = !opcode ? -1 : stopped ? 0 : step(&m, *opcode);
    }
    if (status == 0 && (m.stack.count != 1 || m.mark_count != 0 || m.at != m.end))
        status = broken(&m, "it ends with something left over");
    if (status == 0)
        out->root = m.stack.items[0];
    free(m.stack.items);
    free(m.memo.items);
    return status;
}

void pickle_free(struct pickle *pickle)
{
    for (size_t i = 0; i < pickle->count; i++) {
        free(pickle->values[i].text);
        free(pickle->values[i].items);
    }
    free(pickle->values);
    *pickle = (struct pickle){.count = 0};
}
