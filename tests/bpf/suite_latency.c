#include "suites.h"
void suite_latency(struct harness *h)
{
	(void)h;
}
