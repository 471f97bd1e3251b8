#include "base/resident.h"

#include "base/sys.h"

#include <stdint.h>
#include <unistd.h>

/* mincore() a window of pages at a time: the lowest bit of a byte is its page's. A window's first
 * and last page may lie in the range by a part alone:
 *
 *     sum over pages p in memory of  min(p + page, end) - max(p, from) */
bool resident_part(size_t *out, const void *from, size_t count)
{
    enum { PAGES = 4096 };
    unsigned char pages[PAGES];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = (uintptr_t)from, end = begin + count;
    *out = 0;
    for (uintptr_t at = begin / page * page; at < end;) {
        size_t left = (end - at + page - 1) / page, window = left < PAGES ? left : PAGES;
        if (sys.mincore((void *)at, window * page, pages) != 0)
            return false;
        for (size_t i = 0; i < window; i++, at += page)
            if (pages[i] & 1)
                *out += (at + page < end ? at + page : end) - (at > begin ? at : begin);
    }
    return true;
}
