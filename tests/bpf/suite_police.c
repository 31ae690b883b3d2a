#include "suites.h"
void suite_police(struct harness *h)
{
	(void)h;
}
