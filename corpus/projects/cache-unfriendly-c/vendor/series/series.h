#ifndef SERIES_H
#define SERIES_H

/* Partial sums of many series, each a function of its own: small to read, long to compile. */
double series_a(double x);
double series_b(double x);
double series_c(double x);
double series_d(double x);

#endif
