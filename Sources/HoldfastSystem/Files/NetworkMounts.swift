/// Recognises file systems that other machines can use too.
///
/// Pure functions of the system's answers, so that tests can use file systems that this machine
/// does not have.
package enum NetworkMounts {
    /// The numbers of `statfs(2)`.
    package static func kind(ofMagic magic: UInt32) -> FileSystemKind {
        switch magic {
        case 0x6969: .network("NFS")
        case 0xff53_4d42: .network("CIFS")
        case 0xfe53_4d42: .network("SMB2")
        case 0x517b: .network("SMB")
        case 0x5346_414f, 0x6b41_4653: .network("AFS")
        case 0x0102_1997: .network("9P")
        case 0x00c3_6400: .network("Ceph")
        case 0x7375_7245: .network("Coda")
        case 0x0bd0_0bd0: .network("Lustre")
        case 0x0116_1970: .network("GFS2")
        case 0x7461_636f: .network("OCFS2")
        case 0x4750_4653: .network("GPFS")
        case 0x1983_0326: .network("BeeGFS")
        case 0x2003_0528: .network("OrangeFS")
        case 0xaad7_aaea: .network("PanFS")
        case 0xbeef_dead: .network("StorNext")
        case 0x6163_6673: .network("ACFS")
        case 0xbacb_acbc: .network("a shared folder of VMware")
        case 0x786f_4256: .network("a shared folder of VirtualBox")
        case 0x1980_0202: .network("a cluster file system")
        case 0x6573_5546: .unknown("FUSE")
        default: .local
        }
    }

    /// The kind of a FUSE file system, by the type of its mount, such as `fuse.glusterfs`.
    package static func kind(ofMountType type: String) -> FileSystemKind {
        let parts = type.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, parts[0] == "fuse" || parts[0] == "fuseblk" else {
            return .unknown("FUSE")
        }
        let networks: Set<Substring> = [
            "glusterfs", "ceph", "ceph-fuse", "lizardfs", "moosefs", "mfs", "seaweedfs", "juicefs",
            "beegfs", "orangefs", "sshfs",
            "s3fs", "goofys", "gcsfuse", "rclone", "curlftpfs", "davfs", "cvmfs2", "xtreemfs",
            "quobyte", "weed", "afs_fuse",
        ]
        return networks.contains(parts[1])
            ? .network("FUSE: \(parts[1])") : .unknown("FUSE: \(parts[1])")
    }

    /// The type of the mount of this device according to `/proc/self/mountinfo`; nil if it is not
    /// listed.
    package static func mountType(major: UInt32, minor: UInt32, in mounts: String) -> String? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            // The fields before the hyphen vary in number.
            guard fields.count > 6, fields[2] == "\(major):\(minor)",
                let hyphen = fields.firstIndex(of: "-"),
                hyphen + 1 < fields.count
            else { continue }
            return String(fields[hyphen + 1])
        }
        return nil
    }
}
