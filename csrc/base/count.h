/* How many entries a table has. */
#ifndef TLSMGM_COUNT_H
#define TLSMGM_COUNT_H

#define TLSMGM_COUNT(table) (sizeof(table) / sizeof *(table))

#endif
