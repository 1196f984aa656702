/**
 * The systemd units of a node, as text: a control group of its own below which the gears' groups live, the front door,
 * the public ports, and the gears themselves (what a crash left is ended, then those that ran are started). Invariant: stopping the front
 * door or the unit that starts gears kills no process of a gear by systemd's hand; gears are stopped by their own stop.
 */
export interface Unit {
  readonly name: string;
  readonly text: string;
  readonly enabled: boolean;
}

export const CGROUP_UNIT = 'oo-node-cgroup.service';
export const FRONT_DOOR_UNIT = 'oo-node-frontdoor.service';
export const PORTS_UNIT = 'oo-node-ports.service';
export const GEARS_UNIT = 'oo-node-gears.service';
/** Where the gears' groups live when systemd rules the tree: the one place that it leaves alone. */
export const SYSTEMD_CGROUP_ROOT = '/openshift.slice/oo-node-cgroup.service';

export function nodeUnits(frontDoor: readonly string[], confDir: string): readonly Unit[] {
  const [program = 'haproxy', ...argv] = frontDoor;
  return [
    {
      name: CGROUP_UNIT,
      enabled: true,
      text: `[Unit]
Description=Control group of the gears
Before=${FRONT_DOOR_UNIT} ${GEARS_UNIT}

[Service]
# Nothing runs in it: the node makes the gears' groups below, and systemd keeps out.
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
Slice=openshift.slice
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
`,
    },
    {
      name: FRONT_DOOR_UNIT,
      enabled: true,
      text: `[Unit]
Description=Front door of the gears (HAProxy)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStartPre=/usr/sbin/${program} -c -q -f ${confDir}/haproxy.cfg
ExecStart=/usr/sbin/${program} ${argv.map((word) => (word === '-W' ? '-Ws' : word)).join(' ')}
ExecReload=/usr/sbin/${program} -c -q -f ${confDir}/haproxy.cfg
ExecReload=/bin/kill -USR2 $MAINPID
Restart=always
RestartSec=1
KillMode=mixed
LimitNOFILE=200000

[Install]
WantedBy=multi-user.target
`,
    },
    {
      name: PORTS_UNIT,
      enabled: true,
      text: `[Unit]
Description=Public ports of the gears (port proxy)
After=network-online.target nftables.service iptables.service netfilter-persistent.service firewalld.service ufw.service
Wants=network-online.target
Before=${GEARS_UNIT}
# A firewall that reads its rules again may have flushed ours.
ReloadPropagatedFrom=nftables.service iptables.service netfilter-persistent.service firewalld.service ufw.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/oo-admin-ctl-iptables-port-proxy start
ExecReload=/usr/sbin/oo-admin-ctl-iptables-port-proxy reload
ExecStop=/usr/sbin/oo-admin-ctl-iptables-port-proxy stop

[Install]
WantedBy=multi-user.target
`,
    },
    {
      name: GEARS_UNIT,
      enabled: true,
      text: `[Unit]
Description=Gears of this node
Requires=${CGROUP_UNIT}
After=${CGROUP_UNIT} ${FRONT_DOOR_UNIT} ${PORTS_UNIT} network-online.target ssh.service sshd.service
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/oo-admin-ctl-gears recover
ExecStart=/usr/sbin/oo-admin-ctl-gears waited-startall
ExecStop=/usr/sbin/oo-admin-ctl-gears stopall
TimeoutStartSec=0
TimeoutStopSec=600

[Install]
WantedBy=multi-user.target
`,
    },
  ];
}

/** What must exist in /run after a boot. */
export const tmpfiles = 'd /run/openshift 0755 root root -\n';
