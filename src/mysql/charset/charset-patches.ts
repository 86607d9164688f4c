/**
 * Where the servers' character sets differ from the platform's decoders. Made by asking MySQL 9.7
 * and MariaDB 10.11 for every code of one byte, of two with a first byte from 0x80 on, and of three
 * behind 0x8f (`CONVERT(CONVERT(x USING set) USING utf8mb4)`); both say the same.
 */

/** One character set beside a decoder of the platform. */
export interface CharsetPatch {
  /** The platform's decoder to begin with; `null`: none is near, all is in the patch. */
  readonly base: string | null;
  /** Codes of one byte that differ: `CODE[+COUNT][:POINT]` in hex; without POINT no character. */
  readonly one: string;
  /** The same for codes of two bytes; absent in sets of single bytes. */
  readonly two?: string;
  /** The same for the last two of three bytes behind 0x8f. */
  readonly three?: string;
  /** CRC-32 of the finished tables, 16 bits a code, little-endian, one after the other. */
  readonly crc: number;
}

/** By the servers' name of the set. ASCII and the Unicode sets need no table. */
export const CHARSET_PATCHES: Readonly<Record<string, CharsetPatch>> = {
  armscii8: {
    base: null,
    one:
      '80+21:80 a1:2741 a2:a7 a3:589 a4:29 a5:28 a6:bb a7:ab a8:2014 a9:2e aa:55d ab+2:2c ' +
      'ad:55f ae:2026 af:55c b0:55b b1:55e b2:531 b3:561 b4:532 b5:562 b6:533 b7:563 b8:534 ' +
      'b9:564 ba:535 bb:565 bc:536 bd:566 be:537 bf:567 c0:538 c1:568 c2:539 c3:569 c4:53a ' +
      'c5:56a c6:53b c7:56b c8:53c c9:56c ca:53d cb:56d cc:53e cd:56e ce:53f cf:56f d0:540 ' +
      'd1:570 d2:541 d3:571 d4:542 d5:572 d6:543 d7:573 d8:544 d9:574 da:545 db:575 dc:546 ' +
      'dd:576 de:547 df:577 e0:548 e1:578 e2:549 e3:579 e4:54a e5:57a e6:54b e7:57b e8:54c ' +
      'e9:57c ea:54d eb:57d ec:54e ed:57e ee:54f ef:57f f0:550 f1:580 f2:551 f3:581 f4:552 ' +
      'f5:582 f6:553 f7:583 f8:554 f9:584 fa:555 fb:585 fc:556 fd:586 fe:2019 ff:27',
    crc: 2407167217,
  },
  big5: {
    base: 'big5',
    one: '80 ff',
    two:
      '8140+3f 81a1+5e 8240+3f 82a1+5e 8340+3f 83a1+5e 8440+3f 84a1+5e 8540+3f 85a1+5e 8640+3f ' +
      '86a1+5e 8740+3f 87a1+5e 8840+3f 88a1+5e 8940+3f 89a1+5e 8a40+3f 8aa1+5e 8b40+3f 8ba1+5e ' +
      '8c40+3f 8ca1+5e 8d40+3f 8da1+5e 8e40+3f 8ea1+5e 8f40+3f 8fa1+5e 9040+3f 90a1+5e 9140+3f ' +
      '91a1+5e 9240+3f 92a1+5e 9340+3f 93a1+5e 9440+3f 94a1+5e 9540+3f 95a1+5e 9640+3f 96a1+5e ' +
      '9740+3f 97a1+5e 9840+3f 98a1+5e 9940+3f 99a1+5e 9a40+3f 9aa1+5e 9b40+3f 9ba1+5e 9c40+3f ' +
      '9ca1+5e 9d40+3f 9da1+5e 9e40+3f 9ea1+5e 9f40+3f 9fa1+5e a040+3f a0a1+5e a145:2022 ' +
      'a14e:ff64 a15a a1c2:203e a1c3 a1c5 a1e3:223c a1f2:2641 a1f3:2609 a1fe a240 a241:ff0f ' +
      'a242:ff3c a244:a5 a246+2:a2 a2cc a2ce a3e1 c6a1:30fe c6a2+2:309d c6a4:3005 c6a5+53:3041 ' +
      'c6f8+7:30a1 c740+3f:30a8 c7a1+10:30e7 c7b1+2:414 c7b3:401 c7b4+7:416 c7bb+13:423 ' +
      'c7ce:451 c7cf+1a:436 c7e9+a:2460 c7f3+a:2474 c7fd+2 c840+3f c8a1+5e f9dd+22 fa40+3f ' +
      'faa1+5e fb40+3f fba1+5e fc40+3f fca1+5e fd40+3f fda1+5e fe40+3f fea1+5e',
    crc: 2862141633,
  },
  cp1250: {
    base: 'windows-1250',
    one: '81 83 88 90 98',
    crc: 2133016910,
  },
  cp1251: {
    base: 'windows-1251',
    one: '98',
    crc: 1726505032,
  },
  cp1256: {
    base: 'windows-1256',
    one: '8a 8f 98 9a 9f aa c0 ff',
    crc: 2497804495,
  },
  cp1257: {
    base: 'windows-1257',
    one: '81 83 88 8a 8c 90 98 9a 9c 9f',
    crc: 3302217986,
  },
  cp850: {
    base: null,
    one:
      '80:c7 81:fc 82:e9 83:e2 84:e4 85:e0 86:e5 87:e7 88+2:ea 8a:e8 8b:ef 8c:ee 8d:ec 8e+2:c4 ' +
      '90:c9 91:e6 92:c6 93:f4 94:f6 95:f2 96:fb 97:f9 98:ff 99:d6 9a:dc 9b:f8 9c:a3 9d:d8 ' +
      '9e:d7 9f:192 a0:e1 a1:ed a2:f3 a3:fa a4:f1 a5:d1 a6:aa a7:ba a8:bf a9:ae aa:ac ab:bd ' +
      'ac:bc ad:a1 ae:ab af:bb b0+3:2591 b3:2502 b4:2524 b5+2:c1 b7:c0 b8:a9 b9:2563 ba:2551 ' +
      'bb:2557 bc:255d bd:a2 be:a5 bf:2510 c0:2514 c1:2534 c2:252c c3:251c c4:2500 c5:253c ' +
      'c6:e3 c7:c3 c8:255a c9:2554 ca:2569 cb:2566 cc:2560 cd:2550 ce:256c cf:a4 d0:f0 d1:d0 ' +
      'd2+2:ca d4:c8 d5:131 d6+3:cd d9:2518 da:250c db:2588 dc:2584 dd:a6 de:cc df:2580 e0:d3 ' +
      'e1:df e2:d4 e3:d2 e4:f5 e5:d5 e6:b5 e7:fe e8:de e9+2:da eb:d9 ec:fd ed:dd ee:af ef:b4 ' +
      'f0:ad f1:b1 f2:2017 f3:be f4:b6 f5:a7 f6:f7 f7:b8 f8:b0 f9:a8 fa:b7 fb:b9 fc:b3 fd:b2 ' +
      'fe:25a0 ff:a0',
    crc: 1065827959,
  },
  cp852: {
    base: null,
    one:
      '80:c7 81:fc 82:e9 83:e2 84:e4 85:16f 86:107 87:e7 88:142 89:eb 8a+2:150 8c:ee 8d:179 ' +
      '8e:c4 8f:106 90:c9 91+2:139 93:f4 94:f6 95+2:13d 97+2:15a 99:d6 9a:dc 9b+2:164 9d:141 ' +
      '9e:d7 9f:10d a0:e1 a1:ed a2:f3 a3:fa a4+2:104 a6+2:17d a8+2:118 aa:ac ab:17a ac:10c ' +
      'ad:15f ae:ab af:bb b0+3:2591 b3:2502 b4:2524 b5+2:c1 b7:11a b8:15e b9:2563 ba:2551 ' +
      'bb:2557 bc:255d bd+2:17b bf:2510 c0:2514 c1:2534 c2:252c c3:251c c4:2500 c5:253c ' +
      'c6+2:102 c8:255a c9:2554 ca:2569 cb:2566 cc:2560 cd:2550 ce:256c cf:a4 d0:111 d1:110 ' +
      'd2:10e d3:cb d4:10f d5:147 d6+2:cd d8:11b d9:2518 da:250c db:2588 dc:2584 dd:162 de:16e ' +
      'df:2580 e0:d3 e1:df e2:d4 e3+2:143 e5:148 e6+2:160 e8:154 e9:da ea:155 eb:170 ec:fd ' +
      'ed:dd ee:163 ef:b4 f0:ad f1:2dd f2:2db f3:2c7 f4:2d8 f5:a7 f6:f7 f7:b8 f8:b0 f9:a8 ' +
      'fa:2d9 fb:171 fc+2:158 fe:25a0 ff:a0',
    crc: 4169136733,
  },
  cp866: {
    base: 'ibm866',
    one: 'fc:207f fd:b2',
    crc: 2940409809,
  },
  cp932: {
    base: 'shift_jis',
    one: '',
    two: '',
    crc: 3617587316,
  },
  dec8: {
    base: null,
    one:
      '80+24:80 a5:a5 a7:a7 a8:a4 a9+3:a9 b0+4:b0 b5+3:b5 b9+5:b9 bf+11:bf d1+6:d1 d7:152 ' +
      'd8+5:d8 dd:178 df+11:df f1+6:f1 f7:153 f8+5:f8 fd:ff',
    crc: 756451824,
  },
  eucjpms: {
    base: 'euc-jp',
    one: '80+e 90+10',
    two:
      '8ee0+3 f5a1+5e:e000 f6a1+5e:e05e f7a1+5e:e0bc f8a1+5e:e11a f9a1+5e:e178 faa1+5e:e1d6 ' +
      'fba1+5e:e234 fca1+5e:e292 fda1+5e:e2f0 fea1+5e:e34e',
    three:
      'a2c3:ffe4 f3a1+14 f3b7 f3f3+a:2170 f3fd+2:2160 f4a1+8:2162 f4a9:ff07 f4aa:ff02 f4ab:3231 ' +
      'f4ac:2116 f4ad:2121 f4ae:70bb f4af:4efc f4b0:50f4 f4b1:51ec f4b2:5307 f4b3:5324 ' +
      'f4b4:fa0e f4b5:548a f4b6:5759 f4b7+2:fa0f f4b9:589e f4ba:5bec f4bb:5cf5 f4bc:5d53 ' +
      'f4bd:fa11 f4be:5fb7 f4bf:6085 f4c0:6120 f4c1:654e f4c2:663b f4c3:6665 f4c4:fa12 ' +
      'f4c5:f929 f4c6:6801 f4c7+2:fa13 f4c9:6a6b f4ca:6ae2 f4cb:6df8 f4cc:6df2 f4cd:7028 ' +
      'f4ce+2:fa15 f4d0:7501 f4d1:7682 f4d2:769e f4d3:fa17 f4d4:7930 f4d5+4:fa18 f4d9:7ae7 ' +
      'f4da+2:fa1c f4dc:7da0 f4dd:7dd6 f4de:fa1e f4df:8362 f4e0:fa1f f4e1:85b0 f4e2+2:fa20 ' +
      'f4e4:8807 f4e5:fa22 f4e6:8b7f f4e7:8cf4 f4e8:8d76 f4e9+3:fa23 f4ec:90de f4ed:fa26 ' +
      'f4ee:9115 f4ef+2:fa27 f4f1:9592 f4f2:f9dc f4f3:fa29 f4f4:973b f4f5:974d f4f6:9751 ' +
      'f4f7+3:fa2a f4fa:999e f4fb:9ad9 f4fc:9b72 f4fd:fa2d f4fe:9ed1 f5a1+5e:e3ac f6a1+5e:e40a ' +
      'f7a1+5e:e468 f8a1+5e:e4c6 f9a1+5e:e524 faa1+5e:e582 fba1+5e:e5e0 fca1+5e:e63e ' +
      'fda1+5e:e69c fea1+5e:e6fa',
    crc: 78532035,
  },
  euckr: {
    base: 'euc-kr',
    one: '80+e 90+10',
    two: 'a2e6:20ac a2e7:ae c9a1+5e fea1+5e',
    crc: 2932102927,
  },
  gb18030: {
    base: 'gb18030',
    one: '80',
    two:
      'a3a0:e5e5 a6d9+7:e78d a6ec+2:e794 a6f3:e796 fe59:e81e fe61:e826 fe66+2:e82b fe6d:e832 ' +
      'fe7e:e843 fe90:e854 fea0:e864',
    crc: 3654354322,
  },
  gb2312: {
    base: 'gbk',
    one: '80',
    two:
      '8140+3f 8180+7f 8240+3f 8280+7f 8340+3f 8380+7f 8440+3f 8480+7f 8540+3f 8580+7f 8640+3f ' +
      '8680+7f 8740+3f 8780+7f 8840+3f 8880+7f 8940+3f 8980+7f 8a40+3f 8a80+7f 8b40+3f 8b80+7f ' +
      '8c40+3f 8c80+7f 8d40+3f 8d80+7f 8e40+3f 8e80+7f 8f40+3f 8f80+7f 9040+3f 9080+7f 9140+3f ' +
      '9180+7f 9240+3f 9280+7f 9340+3f 9380+7f 9440+3f 9480+7f 9540+3f 9580+7f 9640+3f 9680+7f ' +
      '9740+3f 9780+7f 9840+3f 9880+7f 9940+3f 9980+7f 9a40+3f 9a80+7f 9b40+3f 9b80+7f 9c40+3f ' +
      '9c80+7f 9d40+3f 9d80+7f 9e40+3f 9e80+7f 9f40+3f 9f80+7f a040+3f a080+7f a140+3f a180+21 ' +
      'a1a4:30fb a1aa:2015 a240+3f a280+31 a2e3+2 a2ef+2 a2fd+2 a340+3f a380+21 a440+3f a480+21 ' +
      'a4f4+b a540+3f a580+21 a5f7+8 a640+3f a680+21 a6b9+8 a6d9+26 a740+3f a780+21 a7c2+f ' +
      'a7f2+d a840+3f a880+21 a8bb+a a8ea+15 a940+3f a980+24 a9f0+f aa40+3f aa80+7f ab40+3f ' +
      'ab80+7f ac40+3f ac80+7f ad40+3f ad80+7f ae40+3f ae80+7f af40+3f af80+7f b040+3f b080+21 ' +
      'b140+3f b180+21 b240+3f b280+21 b340+3f b380+21 b440+3f b480+21 b540+3f b580+21 b640+3f ' +
      'b680+21 b740+3f b780+21 b840+3f b880+21 b940+3f b980+21 ba40+3f ba80+21 bb40+3f bb80+21 ' +
      'bc40+3f bc80+21 bd40+3f bd80+21 be40+3f be80+21 bf40+3f bf80+21 c040+3f c080+21 c140+3f ' +
      'c180+21 c240+3f c280+21 c340+3f c380+21 c440+3f c480+21 c540+3f c580+21 c640+3f c680+21 ' +
      'c740+3f c780+21 c840+3f c880+21 c940+3f c980+21 ca40+3f ca80+21 cb40+3f cb80+21 cc40+3f ' +
      'cc80+21 cd40+3f cd80+21 ce40+3f ce80+21 cf40+3f cf80+21 d040+3f d080+21 d140+3f d180+21 ' +
      'd240+3f d280+21 d340+3f d380+21 d440+3f d480+21 d540+3f d580+21 d640+3f d680+21 d740+3f ' +
      'd780+21 d7fa+5 d840+3f d880+21 d940+3f d980+21 da40+3f da80+21 db40+3f db80+21 dc40+3f ' +
      'dc80+21 dd40+3f dd80+21 de40+3f de80+21 df40+3f df80+21 e040+3f e080+21 e140+3f e180+21 ' +
      'e240+3f e280+21 e340+3f e380+21 e440+3f e480+21 e540+3f e580+21 e640+3f e680+21 e740+3f ' +
      'e780+21 e840+3f e880+21 e940+3f e980+21 ea40+3f ea80+21 eb40+3f eb80+21 ec40+3f ec80+21 ' +
      'ed40+3f ed80+21 ee40+3f ee80+21 ef40+3f ef80+21 f040+3f f080+21 f140+3f f180+21 f240+3f ' +
      'f280+21 f340+3f f380+21 f440+3f f480+21 f540+3f f580+21 f640+3f f680+21 f740+3f f780+21 ' +
      'f840+3f f880+7f f940+3f f980+7f fa40+3f fa80+7f fb40+3f fb80+7f fc40+3f fc80+7f fd40+3f ' +
      'fd80+7f fe40+3f fe80+7f',
    crc: 3925030099,
  },
  gbk: {
    base: 'gbk',
    one: '80',
    two:
      'a140+3f a180+21 a240+3f a280+21 a2ab+6 a2e3+2 a2ef+2 a2fd+2 a340+3f a380+21 a440+3f ' +
      'a480+21 a4f4+b a540+3f a580+21 a5f7+8 a640+3f a680+21 a6b9+8 a6d9+7 a6ec+2 a6f3 a6f6+9 ' +
      'a740+3f a780+21 a7c2+f a7f2+d a896+b a8bc a8bf a8c1+4 a8ea+15 a958 a95b a95d+3 a989+d ' +
      'a997+d a9f0+f aaa1+5e aba1+5e aca1+5e ada1+5e aea1+5e afa1+5e d7fa+5 f8a1+5e f9a1+5e ' +
      'faa1+5e fba1+5e fca1+5e fda1+5e fe50+2f fe80+7f',
    crc: 2195369618,
  },
  geostd8: {
    base: null,
    one:
      '80:20ac 82:201a 84:201e 85:2026 86+2:2020 89:2030 8b:2039 91+2:2018 93+2:201c 95:2022 ' +
      '96+2:2013 9b:203a a0+20:a0 c0+7:10d0 c7:10f1 c8+6:10d7 ce:10f2 cf+6:10dd d5:10f3 ' +
      'd6+c:10e3 e2:10f4 e3+2:10ef e5:10f5 fd:2116',
    crc: 692957244,
  },
  greek: {
    base: 'iso-8859-7',
    one: 'a1:2bd a2:2bc a4+2 aa',
    crc: 797404404,
  },
  hebrew: {
    base: 'iso-8859-8',
    one: 'af:203e',
    crc: 1742086800,
  },
  hp8: {
    base: null,
    one:
      '80+21:80 a1:c0 a2:c2 a3:c8 a4+2:ca a6+2:ce a8:b4 a9:2cb aa:2c6 ab:a8 ac:2dc ad:d9 ae:db ' +
      'af:20a4 b0:af b1:dd b2:fd b3:b0 b4:c7 b5:e7 b6:d1 b7:f1 b8:a1 b9:bf ba:a4 bb:a3 bc:a5 ' +
      'bd:a7 be:192 bf:a2 c0:e2 c1:ea c2:f4 c3:fb c4:e1 c5:e9 c6:f3 c7:fa c8:e0 c9:e8 ca:f2 ' +
      'cb:f9 cc:e4 cd:eb ce:f6 cf:fc d0:c5 d1:ee d2:d8 d3:c6 d4:e5 d5:ed d6:f8 d7:e6 d8:c4 ' +
      'd9:ec da:d6 db:dc dc:c9 dd:ef de:df df:d4 e0:c1 e1:c3 e2:e3 e3:d0 e4:f0 e5:cd e6:cc ' +
      'e7:d3 e8:d2 e9:d5 ea:f5 eb+2:160 ed:da ee:178 ef:ff f0:de f1:fe f2:b7 f3+2:b5 f5:be ' +
      'f6:2014 f7+2:bc f9:aa fa:ba fb:ab fc:25a0 fd:bb fe:b1',
    crc: 2734212984,
  },
  keybcs2: {
    base: null,
    one:
      '80:10c 81:fc 82:e9 83:10f 84:e4 85:10e 86:164 87:10d 88:11b 89:11a 8a:139 8b:cd 8c:13e ' +
      '8d:13a 8e:c4 8f:c1 90:c9 91:17e 92:17d 93:f4 94:f6 95:d3 96:16f 97:da 98:fd 99:d6 9a:dc ' +
      '9b:160 9c:13d 9d:dd 9e:158 9f:165 a0:e1 a1:ed a2:f3 a3:fa a4:148 a5:147 a6:16e a7:d4 ' +
      'a8:161 a9:159 aa:155 ab:154 ac:bc ad:a1 ae:ab af:bb b0+3:2591 b3:2502 b4:2524 b5+2:2561 ' +
      'b7:2556 b8:2555 b9:2563 ba:2551 bb:2557 bc:255d bd:255c be:255b bf:2510 c0:2514 c1:2534 ' +
      'c2:252c c3:251c c4:2500 c5:253c c6+2:255e c8:255a c9:2554 ca:2569 cb:2566 cc:2560 ' +
      'cd:2550 ce:256c cf+2:2567 d1+2:2564 d3:2559 d4:2558 d5+2:2552 d7:256b d8:256a d9:2518 ' +
      'da:250c db:2588 dc:2584 dd:258c de:2590 df:2580 e0:3b1 e1:df e2:393 e3:3c0 e4:3a3 e5:3c3 ' +
      'e6:b5 e7:3c4 e8:3a6 e9:398 ea:3a9 eb:3b4 ec:221e ed:3c6 ee:3b5 ef:2229 f0:2261 f1:b1 ' +
      'f2:2265 f3:2264 f4+2:2320 f6:f7 f7:2248 f8:b0 f9:2219 fa:b7 fb:221a fc:207f fd:b2 ' +
      'fe:25a0 ff:a0',
    crc: 3778913157,
  },
  koi8r: {
    base: 'koi8-r',
    one: '',
    crc: 603918359,
  },
  koi8u: {
    base: 'koi8-u',
    one: '95:2022 ae:255d be:256c',
    crc: 4053779071,
  },
  latin1: {
    base: 'windows-1252',
    one: '',
    crc: 1621830625,
  },
  latin2: {
    base: 'iso-8859-2',
    one: '',
    crc: 2140921864,
  },
  latin5: {
    base: 'windows-1254',
    one: '80:80 82+b:82 91+c:91 9f:9f',
    crc: 4245942295,
  },
  latin7: {
    base: 'iso-8859-13',
    one: '',
    crc: 1550072228,
  },
  macce: {
    base: null,
    one:
      '80:c4 81+2:100 83:c9 84:104 85:d6 86:dc 87:e1 88:105 89:10c 8a:e4 8b:10d 8c+2:106 8e:e9 ' +
      '8f+2:179 91:10e 92:ed 93:10f 94+2:112 96:116 97:f3 98:117 99:f4 9a:f6 9b:f5 9c:fa ' +
      '9d+2:11a 9f:fc a0:2020 a1:b0 a2:118 a3:a3 a4:a7 a5:2022 a6:b6 a7:df a8:ae a9:a9 aa:2122 ' +
      'ab:119 ac:a8 ad:2260 ae:123 af+2:12e b1:12a b2+2:2264 b4:12b b5:136 b6:2202 b7:2211 ' +
      'b8:142 b9+4:13b bd+2:139 bf+2:145 c1:143 c2:ac c3:221a c4:144 c5:147 c6:2206 c7:ab c8:bb ' +
      'c9:2026 ca:a0 cb:148 cc:150 cd:d5 ce:151 cf:14c d0+2:2013 d2+2:201c d4+2:2018 d6:f7 ' +
      'd7:25ca d8:14d d9+2:154 db:158 dc+2:2039 de:159 df+2:156 e1:160 e2:201a e3:201e e4:161 ' +
      'e5+2:15a e7:c1 e8+2:164 ea:cd eb+2:17d ed:16a ee+2:d3 f0:16b f1:16e f2:da f3+5:16f f8:dd ' +
      'f9:fd fa:137 fb:17b fc:141 fd:17c fe:122 ff:2c7',
    crc: 1582086711,
  },
  macroman: {
    base: 'macintosh',
    one: '',
    crc: 3216325750,
  },
  sjis: {
    base: 'shift_jis',
    one: '',
    two:
      '815f:5c 8160:301c 8161:2016 817c:2212 8191+2:a2 81ca:ac 8740+1e 875f+17 877e 8780+1d ' +
      'ed40+3f ed80+7d ee40+3f ee80+6d eeef+e f040+3f f080+7d f140+3f f180+7d f240+3f f280+7d ' +
      'f340+3f f380+7d f440+3f f480+7d f540+3f f580+7d f640+3f f680+7d f740+3f f780+7d f840+3f ' +
      'f880+7d f940+3f f980+7d fa40+3f fa80+7d fb40+3f fb80+7d fc40+c',
    crc: 404111032,
  },
  swe7: {
    base: null,
    one: '40:c9 5b:c4 5c:d6 5d:c5 5e:dc 60:e9 7b:e4 7c:f6 7d:e5 7e:fc 7f',
    crc: 4102348887,
  },
  tis620: {
    base: 'windows-874',
    one: '80:80 85:85 91+7:91 a0',
    crc: 379191706,
  },
  ujis: {
    base: 'euc-jp',
    one: '80+e 90+10',
    two:
      '8ee0+3 a1c0:5c a1c1:301c a1c2:2016 a1dd:2212 a1f1+2:a2 a2cc:ac ada1+1e adc0+17 addf+1e ' +
      'f5a1+5e:e000 f6a1+5e:e05e f7a1+5e:e0bc f8a1+5e:e11a f9a1+5e:e178 faa1+5e:e1d6 ' +
      'fba1+5e:e234 fca1+5e:e292 fda1+5e:e2f0 fea1+5e:e34e',
    three:
      'a2b7:7e f3a1+14 f3b7 f5a1+5e:e3ac f6a1+5e:e40a f7a1+5e:e468 f8a1+5e:e4c6 f9a1+5e:e524 ' +
      'faa1+5e:e582 fba1+5e:e5e0 fca1+5e:e63e fda1+5e:e69c fea1+5e:e6fa',
    crc: 1840273055,
  },
};
