#include "desk/file_type.h"

#include "base/codec.h"
#include "base/utf8.h"
#include "desk/message.h"

static uint32_t byte_at(struct str s, size_t at)
{
    return at < s.len ? (unsigned char)s.p[at] : 0;
}

static int be16(struct str s, size_t at)
{
    return (int)(byte_at(s, at) << 8 | byte_at(s, at + 1));
}

static int le16(struct str s, size_t at)
{
    return (int)(byte_at(s, at + 1) << 8 | byte_at(s, at));
}

static int64_t be32(struct str s, size_t at)
{
    return (int64_t)byte_at(s, at) << 24 | (int64_t)byte_at(s, at + 1) << 16 |
           (int64_t)byte_at(s, at + 2) << 8 | (int64_t)byte_at(s, at + 3);
}

static bool has(struct str s, size_t at, struct str magic)
{
    return s.len >= at + magic.len && str_eq(str_sub(s, at, magic.len), magic);
}

static struct file_type image(const char *type, int64_t width, int64_t height)
{
    bool is_sane = width > 0 && height > 0 && width <= 65535 && height <= 65535 &&
                   width * height <= FILE_MAX_PIXELS;
    return (struct file_type){type, is_sane, is_sane ? (int)width : 0, is_sane ? (int)height : 0};
}

/* Walks the segments to the frame header (SOF0..15 but DHT, JPG, DAC). */
static struct file_type jpeg(struct str s)
{
    size_t at = 2;
    while (at + 9 < s.len && byte_at(s, at) == 0xFF) {
        uint32_t marker = byte_at(s, at + 1);
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
            marker != 0xCC) {
            return image("image/jpeg", be16(s, at + 7), be16(s, at + 5));
        }
        int len = be16(s, at + 2);
        if (len < 2 || marker == 0xD9 || marker == 0xDA) {
            break;
        }
        at += 2 + (size_t)len;
    }
    return (struct file_type){.content_type =
                                  "image/jpeg"}; /* header beyond what we saw: a download */
}

static struct file_type webp(struct str s)
{
    if (has(s, 12, STR("VP8X"))) {
        int64_t w = 1 + (int64_t)(byte_at(s, 24) | byte_at(s, 25) << 8 | byte_at(s, 26) << 16);
        int64_t h = 1 + (int64_t)(byte_at(s, 27) | byte_at(s, 28) << 8 | byte_at(s, 29) << 16);
        return image("image/webp", w, h);
    }
    if (has(s, 12, STR("VP8L")) && byte_at(s, 20) == 0x2F) {
        uint32_t bits =
            byte_at(s, 21) | byte_at(s, 22) << 8 | byte_at(s, 23) << 16 | byte_at(s, 24) << 24;
        return image("image/webp", 1 + (int64_t)(bits & 0x3FFF),
                     1 + (int64_t)(bits >> 14 & 0x3FFF));
    }
    if (has(s, 12, STR("VP8 ")) && has(s, 23, STR("\x9D\x01\x2A"))) {
        return image("image/webp", le16(s, 26) & 0x3FFF, le16(s, 28) & 0x3FFF);
    }
    return (struct file_type){0};
}

static bool is_text(struct str s, bool is_whole)
{
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f') {
            return false;
        }
    }
    uint32_t state = 0;
    return utf8_check_part(s, &state) && (!is_whole || state == 0);
}

static struct file_type iso_media(struct str s)
{
    static const char *const brands[] = {"isom", "iso2", "iso4", "iso5", "iso6",
                                         "mp41", "mp42", "avc1", "M4V ", "M4A ",
                                         "qt  ", "dash", "3gp4", "3gp5", "MSNV"};
    for (size_t i = 0; i < sizeof brands / sizeof brands[0]; i++) {
        if (has(s, 8, str_from(brands[i]))) {
            return (struct file_type){.content_type = i == 10  ? "video/quicktime"
                                                      : i == 9 ? "audio/mp4"
                                                               : "video/mp4"};
        }
    }
    return (struct file_type){0};
}

struct file_type file_type_of(struct str s, bool is_whole)
{
    if (has(s, 0, STR("\x89PNG\r\n\x1A\n")) && has(s, 12, STR("IHDR"))) {
        return image("image/png", be32(s, 16), be32(s, 20));
    }
    if (has(s, 0, STR("\xFF\xD8\xFF"))) {
        return jpeg(s);
    }
    if (has(s, 0, STR("GIF87a")) || has(s, 0, STR("GIF89a"))) {
        return image("image/gif", le16(s, 6), le16(s, 8));
    }
    if (has(s, 0, STR("RIFF")) && has(s, 8, STR("WEBP"))) {
        return webp(s);
    }
    if (has(s, 0, STR("%PDF-"))) {
        return (struct file_type){.content_type = "application/pdf"};
    }
    if (has(s, 4, STR("ftyp"))) {
        return iso_media(s);
    }
    if (has(s, 0, STR("\x1A\x45\xDF\xA3"))) {
        return (struct file_type){.content_type = "video/webm"};
    }
    if (has(s, 0, STR("OggS"))) {
        return (struct file_type){.content_type = "audio/ogg"};
    }
    if (has(s, 0, STR("ID3")) || (byte_at(s, 0) == 0xFF && (byte_at(s, 1) & 0xE6) == 0xE2)) {
        return (struct file_type){.content_type = "audio/mpeg"};
    }
    if (has(s, 0, STR("PK\x03\x04"))) {
        return (struct file_type){.content_type = "application/zip"};
    }
    if (is_text(s, is_whole)) {
        return (struct file_type){.content_type = "text/plain; charset=utf-8"};
    }
    return (struct file_type){0};
}

/* Without dots and white space in front and white space behind; each may hide the other. */
static struct str bare_name(struct arena *arena, struct str s)
{
    size_t before;
    do {
        before = s.len;
        while (s.len > 0 && s.p[0] == '.') {
            s = str_sub(s, 1, s.len);
        }
        s = message_clean_line(arena, s);
    } while (s.len < before);
    return s;
}

struct str file_name_clean(struct arena *arena, struct str name)
{
    struct str s = message_clean_line(arena, name);
    for (size_t i = s.len; i > 0; i--) {
        if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
            s = str_sub(s, i, s.len);
            break;
        }
    }
    s = bare_name(arena, s);
    if (s.len > 150) { /* the end says what kind it is */
        size_t dot = s.len;
        while (dot > s.len - 12 && s.p[dot - 1] != '.') {
            dot--;
        }
        bool has_ending = s.p[dot - 1] == '.';
        struct str ending = has_ending ? str_sub(s, dot - 1, s.len) : STR("");
        struct str stem = utf8_cut(s, 150 - ending.len);
        s = bare_name(arena, str_printf(arena, STR_FMT STR_FMT, STR_ARG(stem), STR_ARG(ending)));
    }
    return s.len == 0 ? STR("file") : s;
}

struct str file_disposition(struct arena *arena, struct str name, bool is_inline)
{
    char *ascii = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%';
        ascii[i] = c;
        if (!plain) {
            ascii[i] = '_';
        }
    }
    struct str encoded = codec_percent(arena, name);
    return str_printf(arena, "%s; filename=\"%.*s\"; filename*=UTF-8''" STR_FMT,
                      is_inline ? "inline" : "attachment", (int)name.len, ascii, STR_ARG(encoded));
}
