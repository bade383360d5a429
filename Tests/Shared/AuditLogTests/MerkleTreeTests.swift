import Core
import Testing

@testable import AuditLog

/// The eight inputs every Certificate Transparency implementation is checked with, and the tree's root after each.
enum KnownAnswers {
    static let inputs = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ]
    static let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
}

/// All nodes of a growing tree, as a store keeps them.
struct NodeBook {
    private(set) var nodes: [NodePosition: TreeHash] = [:]
    private(set) var tree = MerkleTree()

    init() {}
    init(leaves: some Sequence<TreeHash>) { for leaf in leaves { add(leaf) } }
    init(count: Int) { self.init(leaves: (0..<count).map { TreeHash.leaf(Array("entry \($0)".utf8)) }) }

    mutating func add(_ leaf: TreeHash) {
        for (position, hash) in tree.append(leaf) { nodes[position] = hash }
    }

    func node(_ position: NodePosition) throws -> TreeHash { try #require(nodes[position]) }

    func root(_ size: Int64) throws -> TreeHash { try MerkleTree.root(size: size, node: node) }
}

/// RFC 6962 §2.1 as it is written, for comparison.
func reference(_ leaves: ArraySlice<TreeHash>) -> TreeHash {
    guard leaves.count > 1 else { return leaves.first ?? .empty }
    var split = 1
    while split * 2 < leaves.count { split *= 2 }
    let middle = leaves.startIndex + split
    return .node(reference(leaves[..<middle]), reference(leaves[middle...]))
}

@Suite("Merkle tree")
struct MerkleTreeTests {
    @Test func `the known answers of Certificate Transparency`() throws {
        #expect(MerkleTree().root.bytes.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var tree = MerkleTree()
        for (input, root) in zip(KnownAnswers.inputs, KnownAnswers.roots) {
            tree.append(.leaf(try #require([UInt8](hex: input))))
            #expect(tree.root.bytes.hex == root)
        }
    }

    @Test func `every size equals the definition, appended, stored and taken up again`() throws {
        var book = NodeBook()
        var leaves: [TreeHash] = []
        for size in 0...130 {
            #expect(book.tree.root == reference(leaves[...]))
            #expect(try book.root(Int64(size)) == book.tree.root)
            #expect(try MerkleTree(size: Int64(size), node: book.node) == book.tree)
            leaves.append(.leaf(Array("entry \(size)".utf8)))
            book.add(leaves[size])
        }
        for size in 0...130 { #expect(try book.root(Int64(size)) == reference(leaves[..<size])) }
    }

    @Test func `adding without nodes gives the same tree`() {
        var tree = MerkleTree()
        for index in 0..<100 { tree.add(.leaf(Array("entry \(index)".utf8))) }
        #expect(tree == NodeBook(count: 100).tree)
    }

    @Test func `a hash survives its bytes and its text`() {
        let hash = TreeHash.leaf([1, 2, 3])
        #expect(TreeHash(bytes: hash.bytes) == hash)
        #expect(TreeHash(base64: hash.base64) == hash)
        #expect(TreeHash([0, 0] + hash.bytes, at: 2) == hash)
        #expect(TreeHash(bytes: [1]) == nil && TreeHash(base64: "AAAA") == nil)
    }
}

@Suite("Proofs")
struct ProofTests {
    @Test func `every inclusion proof holds, and for nothing else`() throws {
        let book = NodeBook(count: 33)
        for size in Int64(1)...33 {
            let root = try book.root(size)
            for index in 0..<size {
                let plan = try #require(ProofPlan.inclusion(of: index, in: size))
                let proof = try plan.hashes(book.node)
                let leaf = try book.node(NodePosition(level: 0, index: index))
                func holds(_ index: Int64, _ size: Int64, _ proof: [TreeHash], _ leaf: TreeHash) -> Bool {
                    ProofVerifier.verifyInclusion(leaf: leaf, index: index, size: size, root: root, proof: proof)
                }
                #expect(holds(index, size, proof, leaf))
                #expect(!holds(index, size, proof + [root], leaf))
                #expect(!holds(index, size, [leaf] + proof, leaf))
                #expect(size == 1 || !holds(index, size, proof, root))
                #expect(size == 1 || !holds(index, size, proof.dropLast(), leaf))
                #expect(size == 1 || !holds((index + 1) % size, size, proof, leaf))
                #expect(!holds(size, size, proof, leaf) && !holds(-1, size, proof, leaf))
            }
        }
        #expect(ProofPlan.inclusion(of: 3, in: 3) == nil && ProofPlan.inclusion(of: -1, in: 3) == nil)
    }

    @Test func `every consistency proof holds, and for nothing else`() throws {
        let book = NodeBook(count: 33)
        for new in Int64(0)...33 {
            for old in 0...new {
                let proof = try #require(ProofPlan.consistency(from: old, to: new)).hashes(book.node)
                let (oldRoot, newRoot) = (try book.root(old), try book.root(new))
                func holds(_ old: Int64, _ new: Int64, _ proof: [TreeHash], _ a: TreeHash, _ b: TreeHash) -> Bool {
                    ProofVerifier.verifyConsistency(old: old, oldRoot: a, new: new, newRoot: b, proof: proof)
                }
                #expect(holds(old, new, proof, oldRoot, newRoot))
                #expect(!holds(old, new, proof + [newRoot], oldRoot, newRoot))
                if old > 0, old < new {
                    #expect(!proof.isEmpty && !holds(old, new, proof.dropLast(), oldRoot, newRoot))
                    #expect(!holds(old, new, proof, newRoot, newRoot) && !holds(old, new, proof, oldRoot, oldRoot))
                }
            }
        }
        #expect(ProofPlan.consistency(from: 4, to: 3) == nil && ProofPlan.consistency(from: -1, to: 3) == nil)
    }

    @Test func `a plan names what it reads`() throws {
        let book = NodeBook(count: 70)
        for index in Int64(0)..<70 {
            let plan = try #require(ProofPlan.inclusion(of: index, in: 70))
            let stored = Dictionary(uniqueKeysWithValues: try plan.positions.map { ($0, try book.node($0)) })
            let proof = try plan.hashes { position in try #require(stored[position]) }
            #expect(proof == (try plan.hashes(book.node)))
        }
    }
}

@Suite("Tiles")
struct TileTests {
    @Test func `paths are those of the specification`() {
        #expect(Tile(level: 0, index: 1_234_067).path == "tile/0/x001/x234/067")
        #expect(Tile(level: 1, index: 0, width: 17).path == "tile/1/000.p/17")
        for path in ["tile/0/x001/x234/067", "tile/1/000.p/17", "tile/63/999", "tile/0/x001/000.p/255"] {
            #expect(Tile(path: path)?.path == path)
        }
        for path in [
            "tile/64/000", "tile/0/0", "tile/0/001/002", "tile/0/x000/001", "tile/00/000", "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/-01", "tile/0/-100", "tile/0/-12345", "tile/0/x-12/345", "tile/0/-9223372036854775808",
            "tile/0/+01", "tile/0/", "tile/0", "entries/0/000", "tile/0/000.p/017", "/tile/0/000",
        ] {
            #expect(Tile(path: path) == nil, "\(path)")
        }
    }

    @Test func `a log of 70,000 entries has the tiles of the specification's example`() {
        let levels = (0...3).map { Tile.tiles(level: $0, size: 70_000) }
        #expect(levels[0].count == 274 && levels[0].last?.width == 112)
        #expect(levels[1].count == 2 && levels[1].last?.width == 17)
        #expect(levels[2].map(\.width) == [1] && levels[3].isEmpty)
        #expect(Tile.tiles(level: 0, size: 256).map(\.width) == [256])
        #expect(
            Tile(level: 1, index: 2, width: 2).positions == [.init(level: 8, index: 512), .init(level: 8, index: 513)]
        )
    }
}
