#include "bench.h"
int bench_wire(int a, char **b)
{
	(void)a;
	(void)b;
	return 2;
}
int bench_flood(int a, char **b)
{
	(void)a;
	(void)b;
	return 2;
}
