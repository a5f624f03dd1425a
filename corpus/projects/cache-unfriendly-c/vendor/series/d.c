#define NAME term_d

#include "series.h"
#include "terms.h"

TERMS

double series_d(double x)
{
	return SUM;
}
