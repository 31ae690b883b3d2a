/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "alloc.h"
#include "errnum.h"
#include "ethtool.h"

enum { FEATURES_MAX = 1024 }; /* the kernel has 64 or so; a limit on what it can make us allocate */

struct xfn_ethtool {
	int fd;
	char name[IFNAMSIZ];
	/* Read when the first feature is asked for. */
	struct ethtool_gstrings *names;
	struct ethtool_gfeatures *features;
};

static int call(struct xfn_ethtool *ethtool, void *command)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, ethtool->name, sizeof(request.ifr_name));
	request.ifr_data = command;
	return ioctl(ethtool->fd, SIOCETHTOOL, &request) < 0 ? xfn_errno() : 0;
}

int xfn_ethtool_open(const char *name, struct xfn_ethtool **ret)
{
	struct xfn_ethtool *ethtool;
	int err;

	if (strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	ethtool = xfn_alloc(sizeof(*ethtool));
	if (!ethtool)
		return -ENOMEM;
	strcpy(ethtool->name, name);
	ethtool->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ethtool->fd < 0) {
		err = xfn_errno();
		xfn_free(ethtool);
		return err;
	}
	*ret = ethtool;
	return 0;
}

void xfn_ethtool_close(struct xfn_ethtool *ethtool)
{
	if (!ethtool)
		return;
	xfn_free(ethtool->names);
	xfn_free(ethtool->features);
	close(ethtool->fd);
	xfn_free(ethtool);
}

int xfn_ethtool_driver(struct xfn_ethtool *ethtool, char *ret, size_t ret_bytes)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int err = call(ethtool, &info);

	if (err < 0)
		return err;
	snprintf(ret, ret_bytes, "%.*s", (int)sizeof(info.driver), info.driver);
	return 0;
}

int xfn_ethtool_queues(struct xfn_ethtool *ethtool, __u32 *ret_rx, __u32 *ret_tx)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int err = call(ethtool, &channels);

	if (err < 0)
		return err;
	*ret_rx = channels.rx_count + channels.combined_count;
	*ret_tx = channels.tx_count + channels.combined_count;
	return 0;
}

/* How many features this kernel has. */
static int count_features(struct xfn_ethtool *ethtool, __u32 *ret)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
	int err = call(ethtool, &set);

	if (err < 0)
		return err;
	if (!set.info.sset_mask || !set.count || set.count > FEATURES_MAX)
		return -EOPNOTSUPP;
	*ret = set.count;
	return 0;
}

static int read_features(struct xfn_ethtool *ethtool)
{
	struct ethtool_gfeatures *features;
	struct ethtool_gstrings *names;
	__u32 count, blocks;
	int err = count_features(ethtool, &count);

	if (err < 0)
		return err;
	blocks = (count + 31) / 32;
	names = xfn_alloc(sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	features = xfn_alloc(sizeof(*features) + blocks * sizeof(features->features[0]));
	err = -ENOMEM;
	if (!names || !features)
		goto err_free;
	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count};
	*features = (struct ethtool_gfeatures){.cmd = ETHTOOL_GFEATURES, .size = blocks};
	err = call(ethtool, names);
	if (!err)
		err = call(ethtool, features);
	if (err < 0)
		goto err_free;
	/* Both say how many they have; we read no more than we had room for. */
	names->len = names->len < count ? names->len : count;
	features->size = features->size < blocks ? features->size : blocks;
	ethtool->names = names;
	ethtool->features = features;
	return 0;

err_free:
	xfn_free(names);
	xfn_free(features);
	return err;
}

/* The number of a feature, or -ENOENT, or -errno. */
static int find_feature(struct xfn_ethtool *ethtool, const char *feature)
{
	const char *name;
	__u32 i;
	int err;

	if (!ethtool->names) {
		err = read_features(ethtool);
		if (err < 0)
			return err;
	}
	for (i = 0; i < ethtool->names->len && i / 32 < ethtool->features->size; i++) {
		name = (const char *)ethtool->names->data + (size_t)i * ETH_GSTRING_LEN;
		if (!strncmp(name, feature, ETH_GSTRING_LEN))
			return i;
	}
	return -ENOENT;
}

int xfn_ethtool_feature(struct xfn_ethtool *ethtool, const char *feature)
{
	int bit = find_feature(ethtool, feature);

	return bit < 0 ? bit : (int)(ethtool->features->features[bit / 32].active >> bit % 32 & 1);
}

static void forget_features(struct xfn_ethtool *ethtool)
{
	xfn_free(ethtool->names);
	xfn_free(ethtool->features);
	ethtool->names = NULL;
	ethtool->features = NULL;
}

int xfn_ethtool_set_feature(struct xfn_ethtool *ethtool, const char *feature, bool on)
{
	int bit = find_feature(ethtool, feature), err;
	struct ethtool_sfeatures *wanted;
	__u32 blocks;

	if (bit < 0)
		return bit;
	blocks = ethtool->features->size;
	wanted = xfn_alloc(sizeof(*wanted) + blocks * sizeof(wanted->features[0]));
	if (!wanted)
		return -ENOMEM;
	memset(wanted, 0, sizeof(*wanted) + blocks * sizeof(wanted->features[0]));
	wanted->cmd = ETHTOOL_SFEATURES;
	wanted->size = blocks;
	wanted->features[bit / 32].valid = 1U << bit % 32;
	wanted->features[bit / 32].requested = on ? 1U << bit % 32 : 0;
	/* A driver that does not let it be switched is no error to the kernel: so it is looked at after. */
	err = call(ethtool, wanted);
	xfn_free(wanted);
	forget_features(ethtool);
	if (!err && xfn_ethtool_feature(ethtool, feature) != on)
		err = -EOPNOTSUPP;
	return err;
}
