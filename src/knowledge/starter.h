/* Files of content/ and the style of the help centre, inside the program; made at build time by scripts/embed-content. Sorted by path.
 * Paths: "articles/fees/en.md", "categories.json", "phrases.json", "help.css" ... */
#ifndef KNOWLEDGE_STARTER_H
#define KNOWLEDGE_STARTER_H

struct starter_file {
    const char *path;
    unsigned len;
    const char *bytes;
};
extern const struct starter_file starter_files[];
extern const unsigned starter_n_files;

#endif
