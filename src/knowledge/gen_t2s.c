/* Build tool: prints the traditional -> simplified character pairs of OpenCC's t2s as a C table, so that the program itself needs neither that library
 * (C++) nor its data files. Character by character is enough for matching text; nothing that people read goes through it. */
#include <opencc/opencc.h>
#include <stdint.h>
#include <stdio.h>

static const uint32_t ranges[][2] = {{0x2E80, 0x2FDF}, {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
                                     {0xF900, 0xFAFF}, {0x20000, 0x2FA1F}, {0x30000, 0x323AF}};

static size_t put(uint32_t c, char *out)
{
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static uint32_t get(const char *s, size_t *len)
{
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *len = 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *len = 2;
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    }
    if (p[0] < 0xF0) {
        *len = 3;
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    }
    *len = 4;
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

int main(void)
{
    opencc_t cc = opencc_open(OPENCC_DEFAULT_CONFIG_TRAD_TO_SIMP);
    if (cc == (opencc_t)-1) {
        fprintf(stderr, "gen_t2s: %s\n", opencc_error());
        return 1;
    }
    unsigned n = 0;
    puts("/* Made by gen_t2s.c from OpenCC's t2s (Apache-2.0). Sorted by the first. */");
    puts("#include \"knowledge/t2s.h\"\n\nconst struct t2s_pair t2s_pairs[] = {");
    for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
        for (uint32_t c = ranges[r][0]; c <= ranges[r][1]; c++) {
            char in[5];
            size_t len = put(c, in);
            char *out = opencc_convert_utf8(cc, in, len);
            size_t out_len = 0;
            uint32_t to = out != NULL && out[0] != 0 ? get(out, &out_len) : c;
            if (to != c && out[out_len] == 0) {
                printf("    {0x%X, 0x%X},\n", c, to);
                n++;
            }
            opencc_convert_utf8_free(out);
        }
    }
    printf("};\nconst unsigned t2s_n_pairs = %u;\n", n);
    opencc_close(cc);
    return n > 2000 ? 0 : 1;
}
