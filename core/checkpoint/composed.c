#include "checkpoint/composed.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int read_part(const struct checkpoint *checkpoint, const struct tensor_info *part,
                     uint64_t first, uint64_t count, void *out, struct error *err)
{
    const struct checkpoint_file *file = &checkpoint->files[part->file];
    if (first > part->bytes || count > part->bytes - first)
        return error_set(err, "tensor %s: bytes [%llu, +%llu) are outside its %llu", part->name,
                         (unsigned long long)first, (unsigned long long)count,
                         (unsigned long long)part->bytes);
    return place_read_at(file, out, (size_t)count, part->offset + first, err);
}

void *part_read(const struct checkpoint *checkpoint, const struct tensor_info *part, uint64_t first,
                uint64_t count, struct error *err)
{
    void *bytes = array_alloc((size_t)count, 1, err);
    if (bytes && read_part(checkpoint, part, first, count, bytes, err) != 0) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

float *part_read_f32(const struct checkpoint *checkpoint, const struct tensor_info *part,
                     int64_t first, int64_t count, struct error *err)
{
    uint64_t size = (uint64_t)dtype_traits(part->dtype)->block_bytes;
    void *raw = part_read(checkpoint, part, (uint64_t)first * size, (uint64_t)count * size, err);
    float *values = raw ? array_alloc((size_t)count, sizeof *values, err) : NULL;
    if (values)
        dtype_widen(part->dtype, raw, count, values);
    free(raw);
    return values;
}

/* One unit of which a range wants a part alone. */
static int read_cut_unit(const struct checkpoint *checkpoint, const struct composed *composed,
                         int64_t unit, int64_t skip, int64_t count, float *out, struct error *err)
{
    float *whole = array_alloc((size_t)composed->unit, sizeof *whole, err);
    int status = whole ? composed->read(checkpoint, composed, unit, 1, whole, err) : -1;
    if (status == 0)
        memcpy(out, whole + skip, (size_t)count * sizeof *out);
    free(whole);
    return status;
}

/* By whole units as far as it goes, in pieces that the scheme wants to be read at once; the units
 * that are cut at both ends are read whole and only a part of them is taken. */
int composed_read(const struct checkpoint *checkpoint, const struct composed *composed,
                  int64_t first, int64_t count, float *out, struct error *err)
{
    int status = 0;
    while (status == 0 && count > 0) {
        int64_t unit = first / composed->unit, skip = first % composed->unit;
        int64_t units = count / composed->unit, done = composed->unit - skip;
        if (skip > 0 || units == 0) {
            done = done < count ? done : count;
            status = read_cut_unit(checkpoint, composed, unit, skip, done, out, err);
        } else {
            int64_t most = composed->piece - unit % composed->piece;
            units = units < most ? units : most;
            done = units * composed->unit;
            status = composed->read(checkpoint, composed, unit, units, out, err);
        }
        first += done;
        count -= done;
        out += done;
    }
    return status;
}

/* The parts' bytes one after another, as if they were one tensor's: for fingerprints. */
int composed_read_raw(const struct checkpoint *checkpoint, const struct composed *composed,
                      uint64_t first, uint64_t count, void *out, struct error *err)
{
    unsigned char *to = out;
    for (size_t i = 0; count > 0 && i < composed->part_count; i++) {
        const struct tensor_info *part = &composed->parts[i];
        if (first < part->bytes) {
            uint64_t left = part->bytes - first, now = left < count ? left : count;
            if (read_part(checkpoint, part, first, now, to, err) != 0)
                return -1;
            to += now;
            count -= now;
            first = 0;
        } else {
            first -= part->bytes;
        }
    }
    return 0;
}

void composed_free(struct composed *composed)
{
    if (!composed)
        return;
    for (size_t i = 0; i < composed->part_count; i++)
        free(composed->parts[i].name);
    free(composed);
}
